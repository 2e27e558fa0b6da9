import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteBack, type SqliteBack } from '@tidemark/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Change, changes, createHooks } from '../src/index.ts'
import { firstBatch, range, take, takeSeqs } from './support/reading.ts'
import { runProgram } from './support/program.ts'
import { commitNumbers } from './support/writing.ts'

let folder: string
let file: string
const opened: SqliteBack[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-hooks-'))
  file = join(folder, 'app.db')
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((back) => back.close()))
  await rm(folder, { recursive: true })
})

function open(path = file): SqliteBack {
  const back = createSqliteBack({ file: path, synchronous: 'normal' })
  opened.push(back)
  return back
}

describe('over SQLite', () => {
  it('follows what this and other processes commit: all of it, once, in order, values included', async () => {
    const back = open()
    const hooks = createHooks(back)
    const own: number[] = []
    hooks.writes$.subscribe((change) => own.push(change.seq))
    const stream = changes<{ n: number }>(back.log, { bookmarks: true })[Symbol.asyncIterator]()
    await stream.next()

    const writers = ['red', 'blue'].map((name) => runProgram('writer', file, name, '150'))
    await commitNumbers(back, 100)
    const seen: Change<{ n: number }>[] = []
    while (seen.length < 2 * 151 + 100) seen.push(...(await stream.next()).value!.changes)
    await stream.return!()
    expect((await Promise.all(writers)).map(({ code, err }) => ({ code, err }))).toEqual([
      { code: 0, err: '' },
      { code: 0, err: '' },
    ])

    expect(seen.map((change) => change.seq)).toEqual(range(1, 402))
    for (const name of ['red', 'blue']) {
      const theirs = seen.filter((change) => change.key[0] === name)
      expect(theirs.map((change) => [change.op, change.key[1], change.value?.n])).toEqual([
        ...range(1, 150).map((n) => ['set', n, n]),
        ['delete', 1, undefined],
      ])
      expect(new Set(theirs.map((change) => change.origin)).size).toBe(1)
    }
    const expected = seen.map((change) => change.seq)
    for (const { token, changes: page } of await take(changes(back.log, { from: 'start', batch: 40 }), 402)) {
      const rest = expected.slice(page.at(-1)!.seq)
      expect(await takeSeqs(changes(back.log, { after: token, batch: 100 }), rest.length)).toEqual(rest)
    }
    // The hot stream tells of this process alone.
    expect(own).toEqual(seen.filter((change) => change.origin === back.origin).map((change) => change.seq))
    expect(own).toHaveLength(100)
  })

  it('resumes after the file was closed, written by another process, and opened again', async () => {
    const first = open()
    await commitNumbers(first, 5)
    const { token } = await firstBatch(changes(first.log, { from: 'start', batch: 3 }))
    await first.close()
    expect((await runProgram('writer', file, 'other', '4')).code).toBe(0)
    const second = open()
    expect(await takeSeqs(changes(second.log, { after: token }), 7)).toEqual(range(4, 10))
    expect(await takeSeqs(changes(second.log, { from: 'start', batch: 2 }), 10)).toEqual(range(1, 10))
  })

  it('tells a backup that was restored from the log that it was made of', async () => {
    const original = open()
    await commitNumbers(original, 3)
    await original.close()
    const backup = join(folder, 'backup.db')
    await copyFile(file, backup)

    const wentOn = open()
    await commitNumbers(wentOn, 3, 4)
    const [early, late] = (await take(changes(wentOn.log, { from: 'start', batch: 3 }), 6)).map((batch) => batch.token)
    const restored = open(backup)
    await expect(firstBatch(changes(restored.log, { after: late }))).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    await commitNumbers(restored, 4, 100)
    await expect(firstBatch(changes(restored.log, { after: late }))).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    expect(await takeSeqs(changes(restored.log, { after: early }), 4)).toEqual(range(4, 7))
  })

  it('refuses tokens, and ends streams, once another process has declared a restore', async () => {
    const [here, there] = [open(), open()]
    await commitNumbers(here, 3)
    const { token } = await firstBatch(changes(here.log, { from: 'start' }))
    const following = changes(here.log, { after: token, bookmarks: true })[Symbol.asyncIterator]()
    await following.next()
    const more = following.next()
    await Promise.all([expect(more).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' }), there.restored()])
    await there.restored()
    await expect(firstBatch(changes(here.log, { after: token }))).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    const fresh = await firstBatch(changes(here.log, { from: 'start' }))
    await commitNumbers(there, 1, 4)
    expect(await takeSeqs(changes(here.log, { after: fresh.token }), 1)).toEqual([4])
  })

  it('refuses a token when the log turns out to be in another epoch only as it is read', async () => {
    const [here, there] = [open(), open()]
    await commitNumbers(here, 3)
    const { token } = await firstBatch(changes(here.log, { from: 'start' }))
    await there.restored()
    expect(here.log.identity.epoch).not.toBe(there.log.identity.epoch)
    await expect(firstBatch(changes(here.log, { after: token, bookmarks: true }))).rejects.toMatchObject({
      code: 'LOG_EPOCH_CHANGED',
    })
  })

  it('refuses the token of a change that the end of a boot has taken back, and no other', async () => {
    const before = open()
    await commitNumbers(before, 3)
    await before.close()
    const synced = join(folder, 'synced.db')
    await copyFile(file, synced)
    const lost = open()
    await commitNumbers(lost, 2, 4)
    const tokens = (await take(changes(lost.log, { from: 'start', batch: 1 }), 5)).map((batch) => batch.token)
    const after = open(synced)
    const resume = (token: string): Promise<unknown> =>
      firstBatch(changes(after.log, { after: token, bookmarks: true }))
    await expect(resume(tokens[4]!)).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    await commitNumbers(after, 2, 4)
    for (const token of tokens.slice(3)) await expect(resume(token)).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    expect(await takeSeqs(changes(after.log, { after: tokens[2]! }), 2)).toEqual([4, 5])
  })

  it('does not take a token of another file', async () => {
    const one = open()
    const other = open(join(folder, 'other.db'))
    await commitNumbers(one, 1)
    const { token } = await firstBatch(changes(one.log, { from: 'start' }))
    await expect(firstBatch(changes(other.log, { after: token }))).rejects.toMatchObject({ code: 'TOKEN_FOREIGN' })
  })

  it('return() ends a wait at the end of the log, and closing the store fails it', async () => {
    const back = open()
    const streams = [1, 2].map(() => changes(back.log, { bookmarks: true })[Symbol.asyncIterator]())
    await Promise.all(streams.map((stream) => stream.next()))
    const [first, second] = streams.map((stream) => stream.next())
    await streams[0]!.return!()
    expect(await first).toEqual({ done: true, value: undefined })
    await Promise.all([expect(second).rejects.toMatchObject({ code: 'CLOSED' }), back.close()])
  })
})
