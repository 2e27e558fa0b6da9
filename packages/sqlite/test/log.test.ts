import { createRequire } from 'node:module'
import { ClosedError, CompactedError, systemClock } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createSqliteBack } from '../src/index.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, set, setOf } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

/** Long enough never to be what a test waits for. */
const bounded = (): AbortSignal => AbortSignal.timeout(20_000)

describe('reading the log', () => {
  test('a page never splits a commit', async () => {
    const back = openTemp()
    await set(back, 'a', 1)
    await back.commit(blind(...Array.from({ length: 5 }, (_, i) => setOf(i, i))))
    await set(back, 'b', 1)
    const seqs = async (after: number, limit: number): Promise<number[]> =>
      (await back.log.read({ after, limit })).changes.map(({ seq }) => seq)
    expect(await seqs(0, 1)).toEqual([1])
    expect(await seqs(0, 2)).toEqual([1, 2, 3, 4, 5, 6])
    expect(await seqs(1, 5)).toEqual([2, 3, 4, 5, 6])
    expect(await seqs(3, 1)).toEqual([4, 5, 6])
    expect(await seqs(6, 100)).toEqual([7])
    expect(await back.log.read({ after: 7, limit: 1 })).toEqual({ changes: [], head: 7 })
  })

  test('a page of large values ends early, and what follows it comes next', async () => {
    const back = openTemp()
    const large = new Uint8Array(1_000_000)
    for (let i = 0; i < 20; i++) await set(back, 'a', large)
    await back.commit(blind(...Array.from({ length: 8 }, (_, i) => setOf(i, large))))
    const pages: number[] = []
    for (let after = 0; after < 28;) {
      const { changes, head } = await back.log.read({ after, limit: 500 })
      expect(head).toBe(28)
      pages.push(changes.length)
      after += changes.length
    }
    expect(pages.every((length) => length <= 4 || length === 8)).toBe(true)
    const keys = (await back.log.read({ after: 0, limit: 500, values: false })).changes
    expect(keys).toHaveLength(28)
  })

  test('positions before the floor and past the head are typed errors', async () => {
    const file = tempFile()
    const back = openTemp({ file })
    for (let i = 0; i < 5; i++) await set(back, 'a', i)
    const db = new Database(file)
    db.exec('BEGIN IMMEDIATE; DELETE FROM log WHERE seq <= 3; UPDATE log_head SET floor = 3; COMMIT')
    db.close()
    expect(await back.log.floor()).toBe(3)
    const compacted = await back.log.read({ after: 2, limit: 1 }).catch((error: unknown) => error)
    expect(compacted).toBeInstanceOf(CompactedError)
    expect(compacted).toMatchObject({ code: 'LOG_COMPACTED', floor: 3, head: 5 })
    expect((await back.log.read({ after: 3, limit: 9 })).changes.map(({ seq }) => seq)).toEqual([4, 5])
    await expect(back.log.read({ after: 6, limit: 1 })).rejects.toMatchObject({ code: 'LOG_AHEAD' })
    expect(() => back.log.sync.read({ after: 0, limit: 1 })).toThrow(CompactedError)
  })

  test.each([2, 3])('a log that lacks seq %i says so', async (missing) => {
    const file = tempFile()
    const back = openTemp({ file })
    for (let i = 0; i < 3; i++) await set(back, 'a', i)
    const db = new Database(file)
    db.prepare('DELETE FROM log WHERE seq = ?').run(missing)
    db.close()
    await expect(back.log.read({ after: missing - 1, limit: 5 })).rejects.toMatchObject({ code: 'LOG_GAP' })
  })

  test('wrong arguments are refused', async () => {
    const back = openTemp()
    await expect(back.log.read({ after: -1, limit: 1 })).rejects.toThrow(RangeError)
    await expect(back.log.read({ after: 0, limit: 0 })).rejects.toThrow(RangeError)
    expect(() => back.log.sync.read({ after: Number.NaN, limit: 1 })).toThrow(RangeError)
  })
})

describe('waiting for the log', () => {
  test('resolves at once when the log is past the position, and at an own commit', async () => {
    const back = openTemp({ pollMs: 60_000 })
    await set(back, 'a', 1)
    await back.log.wait(0, bounded())
    const later = back.log.wait(1, bounded())
    await set(back, 'a', 2)
    await later
  })

  test('a commit through another connection wakes it by polling', async () => {
    const file = tempFile()
    const back = openTemp({ file })
    const other = openTemp({ file })
    for (let i = 0; i < 20; i++) {
      const woken = back.log.wait(i, bounded())
      await set(other, 'a', i)
      await woken
      expect(back.log.sync.head()).toBe(i + 1)
    }
  })

  test('a nudge makes it look now, and it does not look while nobody waits', async () => {
    const file = tempFile()
    const scheduled: (() => void)[] = []
    const clock = { ...systemClock, schedule: (_: number, task: () => void) => (scheduled.push(task), () => {}) }
    const back = openTemp({ file, clock })
    const other = openTemp({ file })
    await set(other, 'a', 1)
    expect(scheduled).toHaveLength(0)
    const woken = back.log.wait(1, bounded())
    await Promise.resolve()
    expect(scheduled).toHaveLength(1)
    await set(other, 'a', 2)
    back.log.nudge()
    await woken
    scheduled[0]!()
    expect(scheduled).toHaveLength(1)
  })

  test('an abort rejects with its reason, before and while it waits', async () => {
    const back = openTemp()
    const reason = new Error('enough')
    await expect(back.log.wait(0, AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const waiting = back.log.wait(0, controller.signal)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  test('an interval that is none is told to who waits', async () => {
    const back = openTemp({ pollMs: () => -1 })
    await expect(back.log.wait(0, bounded())).rejects.toThrow('pollMs')
  })

  test('closing rejects who waits', async () => {
    const back = openTemp()
    const waiting = back.log.wait(0, bounded())
    const closed = back.close()
    await expect(waiting).rejects.toBeInstanceOf(ClosedError)
    await closed
  })

  test('the head follows own and other commits', async () => {
    const file = tempFile()
    const [one, two] = [openTemp({ file }), openTemp({ file })]
    const heads = (): number[] => [one, two].map((back) => back.log.sync.head())
    expect(heads()).toEqual([0, 0])
    for (let i = 1; i < 30; i++) {
      await set(i % 3 === 0 ? one : two, 'a', i)
      expect(heads()).toEqual([i, i])
      expect(await one.log.head()).toBe(i)
    }
  })
})

test('a store that waits does not keep the process alive', async () => {
  const { start } = await import('./support/children.ts')
  const index = new URL('../src/index.ts', import.meta.url)
  const script = `
    import { createSqliteBack } from ${JSON.stringify(index.href)}
    const back = createSqliteBack({ file: ${JSON.stringify(tempFile())} })
    back.log.wait(0, new AbortController().signal).catch(() => {})
    console.log('ready')`
  const child = start(process.execPath, ['--input-type=module', '-e', script])
  expect(await child.result()).toBe('ready')
})

test('a restore that is declared here wakes who waits here, without a poll', async () => {
  const back = openTemp({ pollMs: 60_000 })
  const waiting = back.log.wait(0, bounded())
  await back.restored()
  await waiting
  expect(back.log.identity.epoch).toBe(2)
})

test('the log of one database is told from that of another', () => {
  const [one, two] = [openTemp(), createSqliteBack({ file: ':memory:' })]
  expect(one.log.identity.id).not.toBe(two.log.identity.id)
  expect(one.log.identity.epoch).toBe(1)
  return two.close()
})
