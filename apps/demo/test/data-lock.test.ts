import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDataDir } from '../src/fleet/data-lock.ts'
import { UsageError } from '../src/flags.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tidemark-lock-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const CONTENDER = fileURLToPath(new URL('support/contender.ts', import.meta.url))

/** Processes that wait for one another and then all ask for the folder. @returns how many got it while all were alive */
async function winners(contenders: number): Promise<number> {
  const children = Array.from({ length: contenders }, () =>
    spawn(process.execPath, [CONTENDER, dir], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  const next = async (child: (typeof children)[number]): Promise<string> =>
    String((await once(child.stdout, 'data'))[0]).trim()
  try {
    expect(new Set(await Promise.all(children.map(next)))).toEqual(new Set(['ready']))
    const answers = children.map(next)
    for (const child of children) child.stdin.write('go')
    return (await Promise.all(answers)).filter((answer) => answer === 'won').length
  } finally {
    await Promise.all(
      children.map(async (child) => {
        child.stdin.end()
        if (child.exitCode === null) await once(child, 'exit')
      }),
    )
  }
}

describe('the lock of a data folder', () => {
  // Pids end far below.
  it.each([
    ['nobody', undefined],
    ['a process that is gone', '2147483646'],
    ['nobody who can be told', ''],
  ])('that was held by %s goes to exactly one of those who start at once', async (_whom, content) => {
    if (content !== undefined) await writeFile(join(dir, 'fleet.lock'), content)
    expect(await winners(6)).toBe(1)
    expect(await readdir(dir)).toEqual(['fleet.lock'])
  })

  it('names its holder, and leaves nothing when it is released', async () => {
    const release = await lockDataDir(join(dir, 'a', 'b'))
    expect(await readFile(join(dir, 'a', 'b', 'fleet.lock'), 'utf8')).toBe(String(process.pid))
    await release()
    expect(await readdir(join(dir, 'a', 'b'))).toEqual([])
  })

  it.each(['/dev/full', '/dev/full/x', '/proc/x', '/proc/x/y', '/proc'])('%s can be none', async (path) => {
    const error: unknown = await lockDataDir(path).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(new RegExp(`^--data ${path} cannot be used: [^\n]+$`))
  })

  it('a file can be none', async () => {
    const file = join(dir, 'file')
    await writeFile(file, '')
    await expect(lockDataDir(file)).rejects.toThrow(/^--data .*file cannot be used: it is no folder/)
  })
})
