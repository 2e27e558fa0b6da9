import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkBoundaries } from '../boundaries/check.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidemark-boundaries-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(path: string, text: string): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** A package with the sources that a test is about. */
function addPackage(
  folder: string,
  name: string,
  dependencies: readonly string[],
  files: Record<string, string>,
): void {
  const exports = { '.': './dist/index.js' }
  const listed = Object.fromEntries(dependencies.map((dependency) => [dependency, '^1.0.0']))
  write(`packages/${folder}/package.json`, JSON.stringify({ name, exports, dependencies: listed }))
  for (const [path, text] of Object.entries(files)) write(`packages/${folder}/${path}`, text)
}

const addCore = (files: Record<string, string>): void => addPackage('core', '@tidemark/core', [], files)

describe('allowed', () => {
  it('passes what the house allows', () => {
    addCore({ 'src/index.ts': `export { a } from './a.ts'`, 'src/a.ts': 'export const a = { process: 1 }.process' })
    addPackage('sqlite', '@tidemark/sqlite', ['@tidemark/core', 'better-sqlite3'], {
      'src/index.ts': `import 'node:fs'\nimport '@tidemark/core'\nimport Database from 'better-sqlite3'\nexport { Database }`,
      'test/a.test.ts': `import '@tidemark/redis'\nimport '../src/index.ts'`,
    })
    expect(checkBoundaries(root)).toEqual([])
  })
})

describe('directions between packages', () => {
  it('catches a sibling, also when only its types are imported', () => {
    addPackage('tiered', '@tidemark/tiered', ['@tidemark/core'], {
      'src/index.ts': `import '@tidemark/core'\nimport type { A } from '@tidemark/hooks'\nexport type B = A`,
    })
    expect(checkBoundaries(root)).toEqual([
      'packages/tiered/src/index.ts:2: @tidemark/tiered must not depend on @tidemark/hooks (allowed of this workspace: @tidemark/core)',
    ])
  })

  it.each([
    ['a re-export', `export * from 'tidemark'`],
    ['import()', `export const load = () => import('tidemark')`],
    ['an import type', `export type Open = typeof import('tidemark').open`],
  ])('catches the wrong direction in %s', (_, text) => {
    addCore({ 'src/index.ts': text })
    expect(checkBoundaries(root)).toEqual([
      'packages/core/src/index.ts:1: @tidemark/core must not depend on tidemark (allowed of this workspace: none)',
    ])
  })

  it('catches it in package.json', () => {
    addPackage('redis', '@tidemark/redis', ['@tidemark/sqlite'], {})
    expect(checkBoundaries(root)).toEqual([
      'packages/redis/package.json: @tidemark/redis must not depend on @tidemark/sqlite (allowed of this workspace: @tidemark/core)',
    ])
  })

  it('wants rules for every package', () => {
    addPackage('postgres', '@tidemark/postgres', [], {})
    expect(checkBoundaries(root)).toEqual([
      'packages/postgres/package.json: has no rules yet: add it to scripts/boundaries/rules.ts',
    ])
  })
})

describe('ways into a package', () => {
  it('catches a deep import', () => {
    addCore({})
    addPackage('redis', '@tidemark/redis', ['@tidemark/core'], {
      'src/index.ts': `import '@tidemark/core/dist/errors.js'`,
    })
    expect(checkBoundaries(root)).toEqual([
      'packages/redis/src/index.ts:1: @tidemark/core/dist/errors.js reaches into @tidemark/core, which does not export it',
    ])
  })

  it('catches a relative path out of the package, in tests too', () => {
    addPackage('redis', '@tidemark/redis', [], { 'test/a.test.ts': `import '../../core/src/errors.ts'` })
    expect(checkBoundaries(root)).toEqual([
      'packages/redis/test/a.test.ts:1: ../../core/src/errors.ts leaves the package: import other packages by their name',
    ])
  })

  it('catches sources that import tests', () => {
    addCore({ 'src/index.ts': `import '../test/fake.ts'`, 'test/fake.ts': '' })
    expect(checkBoundaries(root)).toEqual([
      'packages/core/src/index.ts:1: ../test/fake.ts leaves src, which is all that is published',
    ])
  })
})

describe('libraries and runtimes', () => {
  it('keeps a driver in its one package', () => {
    addPackage('tiered', '@tidemark/tiered', ['ioredis'], { 'src/index.ts': `import 'ioredis'` })
    expect(checkBoundaries(root)).toEqual([
      'packages/tiered/package.json: @tidemark/tiered must not depend on ioredis, whose home is @tidemark/redis',
      'packages/tiered/src/index.ts:1: @tidemark/tiered must not depend on ioredis, whose home is @tidemark/redis',
    ])
  })

  it('catches a library that package.json does not list', () => {
    addPackage('redis', '@tidemark/redis', [], { 'src/index.ts': `import 'ioredis'` })
    expect(checkBoundaries(root)).toEqual([
      'packages/redis/src/index.ts:1: ioredis is missing from the dependencies in packages/redis/package.json',
    ])
  })

  it.each(['node:fs', 'fs', 'node:fs/promises'])('catches %s where browsers count', (specifier) => {
    addCore({ 'src/index.ts': `import '${specifier}'` })
    expect(checkBoundaries(root)).toEqual([
      `packages/core/src/index.ts:1: @tidemark/core must not import ${specifier}: it runs in browsers too`,
    ])
  })

  it('catches what Node.js alone has in the part of a package that runs elsewhere too', () => {
    addPackage('sinks', '@tidemark/sinks', [], {
      'src/index.ts': `import './json-lines/file.ts'\nimport './webhook/post.ts'`,
      'src/json-lines/file.ts': `import 'node:fs'`,
      'src/sink.ts': 'export const env = process.env',
      'src/webhook/post.ts': `import 'node:http'\nimport '../sink.ts'\nimport '../json-lines/file.ts'`,
    })
    expect(checkBoundaries(root)).toEqual([
      'packages/sinks/src/sink.ts:1: @tidemark/sinks must not use the global process: it runs in browsers too',
      'packages/sinks/src/webhook/post.ts:1: @tidemark/sinks must not import node:http: it runs in browsers too',
      'packages/sinks/src/webhook/post.ts:3: ../json-lines/file.ts runs in Node.js only; src/webhook/post.ts runs in browsers too',
    ])
  })

  it.each([
    ['Buffer', 'export const bytes = Buffer.alloc(1)'],
    ['process', 'export const env = process.env'],
    ['process', 'export const env = globalThis.process'],
    ['process', 'export const both = { process }'],
  ])('catches the global %s where browsers count', (name, text) => {
    addCore({ 'src/index.ts': text })
    expect(checkBoundaries(root)).toEqual([
      `packages/core/src/index.ts:1: @tidemark/core must not use the global ${name}: it runs in browsers too`,
    ])
  })
})

describe('cycles', () => {
  it('names the files of a cycle', () => {
    addCore({
      'src/index.ts': `export { a } from './a.ts'`,
      'src/a.ts': `import type { C } from './c.ts'\nexport const a: C = 1`,
      'src/c.ts': `import { a } from './a.ts'\nexport type C = number\nexport const c = () => a`,
    })
    expect(checkBoundaries(root)).toEqual([
      'packages/core/src/a.ts: import cycle: packages/core/src/a.ts → packages/core/src/c.ts → packages/core/src/a.ts',
    ])
  })
})

describe('the command', () => {
  const command = fileURLToPath(new URL('../check-boundaries.ts', import.meta.url))

  it('exits with 1 and says where', () => {
    addCore({ 'src/index.ts': `import 'node:fs'` })
    const run = spawnSync(process.execPath, [command, root], { encoding: 'utf8' })
    expect(run.stderr).toContain('packages/core/src/index.ts:1: @tidemark/core must not import node:fs')
    expect(run.status).toBe(1)
  })

  it('exits with 0 and says nothing', () => {
    addCore({ 'src/index.ts': 'export {}' })
    const run = spawnSync(process.execPath, [command, root], { encoding: 'utf8' })
    expect({ status: run.status, stdout: run.stdout, stderr: run.stderr }).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    })
  })
})
