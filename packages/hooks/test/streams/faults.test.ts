import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createMemoryBack, type Log, Store } from '@tidemark/core'
import { createSqliteBack, type SqliteBack } from '@tidemark/sqlite'
import { eventOf, eventually, ManualClock, StreamRecorder, validateStreams } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  type ChangeBatch,
  changes,
  changes$,
  createHooks,
  decodeToken,
  follow,
  type FollowStep,
  sharedLog,
} from '../../src/index.ts'
import { Follower, stateAfter } from '../support/follower.ts'
import { firstBatch, range, take, takeSeqs, withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'

afterEach(() => vi.restoreAllMocks())

const seqsOf = ({ changes: all }: ChangeBatch): number[] => all.map(({ seq }) => seq)

describe('compaction that races a resume', () => {
  it('leaves it every later change, or a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 8 }),
        fc.integer({ min: 2, max: 12 }),
        fc.boolean(),
        async (resumeAt, bursts, maxLogChanges, isShared) => {
          const back = createMemoryBack({ maxLogChanges })
          const tokens: string[] = []
          const first = changes(back.log, { from: 'start', batch: 1 })[Symbol.asyncIterator]()
          for (let n = 1; n <= resumeAt; n++) {
            await commitNumbers(back, 1, n)
            tokens.push((await first.next()).value!.token)
          }
          await first.return!()
          // Writers compact before and after each of its calls.
          const burst = async (): Promise<void> => commitNumbers(back, bursts.shift() ?? 0)
          const around = async <T>(call: () => Promise<T>): Promise<T> => {
            await burst()
            const result = await call()
            await burst()
            return result
          }
          const raced = withLog(back.log, {
            read: (options) => around(() => back.log.read(options)),
            at: (seqs) => around(() => back.log.at(seqs)),
            wait: async (after, signal) => {
              while (bursts.length > 0 && (await back.log.head()) <= after) await burst()
              if ((await back.log.head()) <= after) await commitNumbers(back, 1)
              await back.log.wait(after, signal)
            },
          })
          const log = isShared ? sharedLog(raced) : raced
          const token = tokens.at(-1)!
          const got: number[] = []
          try {
            for await (const batch of changes(log, { after: token, batch: 2, bookmarks: true })) {
              got.push(...seqsOf(batch))
              if (bursts.length === 0 && decodeToken(batch.token).seq === (await back.log.head())) break
            }
            expect(got).toEqual(range(resumeAt + 1, await back.log.head()))
          } catch (error) {
            expect(error).toMatchObject({ code: 'LOG_COMPACTED' })
            expect(got).toEqual(range(resumeAt + 1, resumeAt + got.length))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('of another connection: the suffix, or a typed error', async () => {
    await using store = await tempStore()
    const [here, there] = [store.open(), store.open()]
    await commitNumbers(here, 20)
    const tokens = (await take(changes(here.log, { from: 'start', batch: 1 }), 20)).map(({ token }) => token)
    for (const upTo of [5, 10]) {
      // What it has kept, it may still give; never anything else.
      const shared = sharedLog(here.log)
      await takeSeqs(changes(shared, { after: tokens[14]! }), 5)
      await there.compaction.compact({ upTo, limit: 1000 })
      for (const [i, after] of tokens.entries()) {
        const suffix = range(i + 2, 20)
        if (i + 1 >= upTo) expect(await takeSeqs(changes(here.log, { after }), 19 - i)).toEqual(suffix)
        else {
          const resumed = firstBatch(changes(here.log, { after, bookmarks: true }))
          await expect(resumed).rejects.toMatchObject({ code: 'LOG_COMPACTED', after: i + 1, floor: upTo, head: 20 })
        }
        const kept = takeSeqs(changes(shared, { after }), 19 - i).catch((error: { code: string }) => error.code)
        expect([suffix, ...(i + 1 < upTo ? ['LOG_COMPACTED'] : [])]).toContainEqual(await kept)
      }
    }
    await there.compaction.compact({ upTo: 20, limit: 1000 })
    expect(await takeSeqs(changes(here.log, { after: tokens[19]! }), 0)).toEqual([])
    await expect(firstBatch(changes(here.log, { after: tokens[18]! }))).rejects.toMatchObject({ floor: 20 })
  })
})

describe('a backup that was restored', () => {
  it('and written past the old head is refused to every stale token, whatever is to follow', async () => {
    await using store = await tempStore()
    const original = store.open()
    await commitNumbers(original, 3)
    await original.close()
    const backup = `${store.file}.backup`
    await copyFile(store.file, backup)
    const wentOn = store.open()
    await commitNumbers(wentOn, 3, 4)
    const stale = (await take(changes(wentOn.log, { from: 'start', batch: 1 }), 6)).map(({ token }) => token)
    await wentOn.close()
    const restored = createSqliteBack({ file: backup, synchronous: 'normal' })
    try {
      for (const [written, code] of [
        [0, 'LOG_AHEAD'],
        [9, 'LOG_DIVERGED'],
      ] as const) {
        await commitNumbers(restored, written, 100)
        for (const log of [restored.log, sharedLog(restored.log)]) {
          const source = { scan: restored.scan.bind(restored), read: restored.read.bind(restored), log }
          for (const after of stale.slice(3)) {
            const attempts: AsyncIterable<FollowStep>[] = [
              changes(log, { after, bookmarks: true }),
              changes(log, { after, onCompacted: 'latest', bookmarks: true }),
              changes(log, { after, onCompacted: 'snapshot', back: source }),
              follow(source, { after }),
            ]
            for (const each of attempts) {
              await expect(each[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code, retryable: false })
            }
          }
          if (written > 0) expect(await takeSeqs(changes(log, { after: stale[2]! }), 9)).toEqual(range(4, 12))
        }
      }
    } finally {
      await restored.close()
    }
  })
})

describe('what subscribers of one process do', () => {
  it('a write made by one of them, or by a hook, comes after what is being delivered, for everybody', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    const hooks = createHooks(back)
    const hot: number[] = []
    hooks.add('writes', (change) => (change.key[0] === 'first' ? store.set('by hook', change.seq) : undefined))
    hooks.writes$.subscribe(({ seq }) => hot.push(seq))
    const shared = sharedLog(back.log)
    const read = async (isWriter: boolean): Promise<unknown[]> => {
      const seen: unknown[] = []
      for await (const { changes: all } of changes(shared, { from: 'start' })) {
        for (const { seq, key } of all) {
          seen.push([seq, key[0]])
          if (isWriter && key[0] === 'first') await store.set('by subscriber', seq)
        }
        if (seen.length >= 4) return seen
      }
      return seen
    }
    const all = [read(true), read(false), read(false)]
    await commit(back, setting('first', 1), setting('second', 1))
    const [first, ...others] = await Promise.all(all)
    expect(first!.slice(0, 2)).toEqual([
      [1, 'first'],
      [2, 'second'],
    ])
    for (const other of others) expect(other).toEqual(first)
    await hooks.close()
    expect(hot).toEqual([1, 2, 3, 4])
  })

  it('one that throws ends itself alone', async () => {
    const back = createMemoryBack()
    const shared = sharedLog(back.log)
    const boom = new Error('boom')
    const errors: unknown[] = []
    const seen: number[] = []
    const good = changes$(shared, { from: 'start', batch: 1 }).subscribe((batch) => seen.push(...seqsOf(batch)))
    changes$(shared, { from: 'start', batch: 1 }).subscribe({
      next() {
        throw boom
      },
      error: (error) => errors.push(error),
    })
    await commitNumbers(back, 5)
    await eventually('the other one gets everything', () => seen.length === 5)
    good.unsubscribe()
    expect(seen).toEqual(range(1, 5))
    expect(errors).toEqual([boom])
  })

  it('one that leaves in the middle of a read gets nothing more, and the others get it', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const held = Promise.withResolvers<void>()
    let reads = 0
    const slow: Log = withLog(back.log, {
      read: async (options) => {
        reads++
        const page = await back.log.read(options)
        await held.promise
        return page
      },
    })
    const shared = sharedLog(slow)
    const stop = new AbortController()
    const leaving = changes(shared, { from: 'start' })[Symbol.asyncIterator]()
    const aborted = changes(shared, { from: 'start', signal: stop.signal })[Symbol.asyncIterator]()
    const staying = takeSeqs(changes(shared, { from: 'start' }), 3)
    const pending = [leaving.next(), aborted.next()]
    await eventually('it is being read', () => reads === 1)
    await leaving.return!()
    stop.abort()
    expect(await Promise.all(pending)).toEqual(
      [{ done: true }, { done: true }].map((each) => ({ ...each, value: undefined })),
    )
    held.resolve()
    expect(await staying).toEqual([1, 2, 3])
    expect(reads).toBe(1)
  })
})

describe('a subscriber that never pulls again', () => {
  it('reads nothing, holds nothing open, and keeps nobody from going on', async () => {
    await using store = await tempStore()
    const [here, there] = [store.open(), store.open()]
    await commitNumbers(here, 10)
    let reads = 0
    const counted = withLog(here.log, { read: (options) => (reads++, here.log.read(options)) })
    const stalled = changes(counted, { from: 'start', batch: 2 })[Symbol.asyncIterator]()
    const scanning = follow(here, { batch: 2 })[Symbol.asyncIterator]()
    await stalled.next()
    await scanning.next()
    const others = takeSeqs(changes(sharedLog(here.log), { from: 'start', batch: 10 }), 710)
    const value = 'x'.repeat(100_000)
    for (let n = 0; n < 70; n++) await commit(there, ...range(1, 10).map((k) => setting(['k', k], value)))
    expect(await others).toEqual(range(1, 710))
    expect(reads).toBe(1)
    // Checkpoints went on: 140 MB were written, and the journal starts over when it has 64.
    expect((await stat(`${store.file}-wal`)).size).toBeLessThan(100_000_000)
    expect(seqsOf((await stalled.next()).value!)).toEqual([3, 4])
    await Promise.all([stalled.return!(), scanning.return!()])
  })
})

describe('nudges that are all lost', () => {
  it('a change of another process is shown at the next poll, and no earlier', async () => {
    await using store = await tempStore()
    const clock = new ManualClock()
    const pollMs = 15
    const here = store.open({ clock, pollMs })
    const there = store.open()
    let waits = 0
    const watched = withLog(here.log, { wait: (after, signal) => (waits++, here.log.wait(after, signal)) })
    const stop = new AbortController()
    const seen: number[] = []
    const following = (async () => {
      for await (const batch of changes(sharedLog(watched), { from: 'start', signal: stop.signal }))
        seen.push(...seqsOf(batch))
    })()
    const somethingCouldCome = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    }
    for (let n = 1; n <= 5; n++) {
      await eventually('it waits', () => waits >= n)
      await commitNumbers(there, 1, n)
      clock.advance(pollMs - 1)
      await somethingCouldCome()
      expect(seen).toEqual(range(1, n - 1))
      clock.advance(1)
      await eventually('it is shown', () => seen.length === n)
    }
    stop.abort()
    await following
    expect(seen).toEqual(range(1, 5))
  })
})

/** Runs the writer until it dies; what it knew to be committed, and how it ended. */
async function runToDeath(file: string, how: string, dieAt: number, killAfter?: number) {
  const program = fileURLToPath(new URL('../programs/dying-writer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, file, how, String(dieAt)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = 0
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    acknowledged = Number(line)
    if (killAfter !== undefined && acknowledged >= killAfter) child.kill('SIGKILL')
  })
  const [[, signal]] = await Promise.all([once(child, 'exit'), once(lines, 'close')])
  return { acknowledged, signal: signal as string | null }
}

/** Value and change of every commit, both or neither; and every subscriber got each change once. */
async function assertWhole(back: SqliteBack): Promise<number> {
  const { changes: rows, head } = await back.log.read({ after: 0, limit: 1_000_000 })
  const table = new Map<string, unknown>()
  for await (const { key, value, version } of new Store(back).entries()) table.set(key.join(':'), { value, version })
  const replay = [...stateAfter(rows, head)].map(([id, { value, version }]) => [id, { value, version }] as const)
  expect(table).toEqual(new Map(replay))
  expect(head % 2).toBe(0)
  return head
}

describe('a writer that is killed', () => {
  it.each([
    { how: 'before', committed: 38, acknowledged: 38 },
    { how: 'after', committed: 40, acknowledged: 38 },
  ])('$how its commit leaves both the value and the change, or neither', async ({ how, committed, acknowledged }) => {
    await using store = await tempStore()
    const back = store.open()
    const stream = changes(sharedLog(back.log), { from: 'start', bookmarks: true })[Symbol.asyncIterator]()
    const seen: number[] = []
    const dead = await runToDeath(store.file, how, 40)
    expect(dead).toEqual({ acknowledged, signal: 'SIGKILL' })
    expect(await assertWhole(back)).toBe(committed)
    while (seen.length < committed) seen.push(...seqsOf((await stream.next()).value!))
    await stream.return!()
    expect(seen).toEqual(range(1, committed))
  })

  it('anywhere loses nothing that it knew of, and streams go on over its deaths, with their tokens', async () => {
    await using store = await tempStore()
    const back = store.open()
    const recorder = new StreamRecorder({ subscriber: 'all', positionOf: (token) => decodeToken(token).seq })
    recorder.start(0)
    const stop = new AbortController()
    let token: string | undefined
    const follower = new Follower()
    const following = (async () => {
      for await (const step of follow(back, { batch: 5, bookmarks: true, signal: stop.signal })) follower.apply(step)
    })()
    /** Gives up and resumes every few batches. */
    const resuming = (async () => {
      while (!stop.signal.aborted) {
        let batches = 0
        if (token !== undefined) recorder.start(token)
        for await (const batch of changes(back.log, { from: 'start', after: token, batch: 7, signal: stop.signal })) {
          recorder.batch(batch)
          token = batch.token
          if (++batches === 5) break
        }
      }
    })()
    let head = 0
    for (const killAfter of [30, 90, 200]) {
      const { acknowledged, signal } = await runToDeath(store.file, 'never', 0, killAfter)
      expect(signal).toBe('SIGKILL')
      head = await assertWhole(back)
      expect(head).toBeGreaterThanOrEqual(acknowledged)
    }
    await eventually('everybody is there', () => follower.position === head && decodeToken(token ?? '').seq === head)
    stop.abort()
    await Promise.all([following, resuming])
    const { changes: rows } = await back.log.read({ after: 0, limit: 1_000_000 })
    expect(validateStreams([recorder.history(head)], rows.map(eventOf))).toEqual([])
    expect(follower.state).toEqual(stateAfter(rows, head))
  })
})
