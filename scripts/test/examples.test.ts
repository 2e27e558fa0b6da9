import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const programs = globSync('*/*.ts', { cwd: examples }).toSorted()
const folders = [...new Set(programs.map((path) => dirname(path)))]

test('there are examples', () => {
  expect(folders).toContain('konserve')
})

test.each(folders)('examples/%s prints what it says', { timeout: 120_000 }, (folder) => {
  // All programs of an example share a folder, as the runs of one application do.
  const cwd = mkdtempSync(join(tmpdir(), 'tidemark-example-'))
  try {
    for (const program of programs.filter((path) => dirname(path) === folder)) {
      const run = spawnSync(process.execPath, [join(examples, program)], { cwd, encoding: 'utf8', timeout: 25_000 })
      const stdout = readFileSync(join(examples, program.replace(/\.ts$/, '.out')), 'utf8')
      expect({ program, ...run }).toMatchObject({ program, stdout, stderr: '', status: 0 })
    }
    // Once more, in a folder that has their files: they go on from there, or begin anew.
    for (const program of programs.filter((path) => dirname(path) === folder)) {
      const run = spawnSync(process.execPath, [join(examples, program)], { cwd, encoding: 'utf8', timeout: 25_000 })
      expect({ program, ...run }).toMatchObject({ program, stderr: '', status: 0 })
    }
    copyFileSync(join(examples, '../.gitignore'), join(cwd, '.gitignore'))
    spawnSync('git', ['init', '--quiet'], { cwd })
    const status = spawnSync('git', ['status', '--porcelain', '--untracked-files=all'], { cwd, encoding: 'utf8' })
    expect(status).toMatchObject({ stdout: '?? .gitignore\n', stderr: '', status: 0 })
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
})
