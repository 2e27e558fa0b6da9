import { createMemoryBack, type Log, type LogReadOptions } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChangeBatch, changes, sharedLog } from '../../src/index.ts'
import { readPage } from '../../src/streams/read-page.ts'
import { firstBatch, range, take, takeSeqs, withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

interface Watched {
  readonly log: Log
  readonly reads: number[]
  readonly waits: number[]
}

/** The log as one that takes a round trip (`remote`), or as it is, with what is asked of it. */
function watched(log: Log, remote: boolean): Watched {
  const reads: number[] = []
  const waits: number[] = []
  const read = (options: LogReadOptions) => {
    reads.push(options.after)
    return log.sync!.read(options)
  }
  const overrides: Partial<Log> = {
    read: async (options) => read(options),
    wait: (after, signal) => {
      waits.push(after)
      return log.wait(after, signal)
    },
    ...(!remote && { sync: { head: () => log.sync!.head(), read } }),
  }
  return { log: withLog(log, overrides), reads, waits }
}

function iterate(log: Log, options: object): AsyncIterator<ChangeBatch, undefined> {
  return changes(log, options)[Symbol.asyncIterator]()
}

const seqsOf = (batch: ChangeBatch | undefined): number[] => batch!.changes.map(({ seq }) => seq)

describe.each([{ remote: false }, { remote: true }])('sharedLog (remote: $remote)', ({ remote }) => {
  it('reads each page once, however many replay it, and shows all of them the same changes', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 100)
    const { log, reads } = watched(back.log, remote)
    const shared = sharedLog(log)
    const all = await Promise.all(range(1, 20).map(() => take(changes(shared, { from: 'start', batch: 10 }), 100)))
    expect(reads).toEqual(range(0, 9).map((n) => n * 10))
    for (const batches of all) {
      expect(batches.flatMap(seqsOf)).toEqual(range(1, 100))
      expect(
        batches
          .flatMap((batch) => batch.changes)
          .every((change, i) => change === all[0]![Math.floor(i / 10)]!.changes[i % 10]),
      ).toBe(true)
    }
  })

  it('waits once and reads once for all who follow', async () => {
    const back = createMemoryBack()
    const { log, reads, waits } = watched(back.log, remote)
    const shared = sharedLog(log)
    const streams = range(1, 20).map(() => iterate(shared, { from: 'start' }))
    for (let n = 1; n <= 3; n++) {
      const pending = streams.map((stream) => stream.next())
      await eventually('all of them wait', () => waits.length >= n)
      await commitNumbers(back, 1, n)
      for (const { value } of await Promise.all(pending)) expect(seqsOf(value!)).toEqual([n])
    }
    // Where the end of the log cannot be seen at once, it takes a read: two at the start, one after each commit.
    expect(reads.filter((after) => after < 3).length).toBeLessThanOrEqual(remote ? 7 : 3)
    expect(waits.length).toBeLessThanOrEqual(6)
    await Promise.all(streams.map((stream) => stream.return!()))
  })

  it('gives what the log gives, for any commits, page sizes and places to start', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
        fc.array(
          fc.record({
            start: fc.nat(11),
            limit: fc.integer({ min: 1, max: 9 }),
            values: fc.boolean(),
            some: fc.boolean(),
          }),
          {
            minLength: 1,
            maxLength: 30,
          },
        ),
        fc.integer({ min: 1, max: 40 }),
        async (sizes, asked, maxChanges) => {
          const back = createMemoryBack()
          const ends = [0]
          for (const size of sizes) {
            const { changes: made } = await commit(back, ...range(1, size).map((n) => setting(n, n)))
            ends.push(made.at(-1)!.seq)
          }
          const shared = sharedLog(watched(back.log, remote).log, { maxChanges })
          for (const { start, limit, values, some } of asked) {
            const after = ends[start % ends.length]!
            const options = { after, limit, values }
            const page = await (some ? readPage(shared, options) : shared.read(options))
            const expected = await back.log.read({ after, limit: 1000, values })
            // Streams may be given less at a time, in whole commits, and never nothing where there is something.
            expect(page.changes).toEqual(expected.changes.slice(0, page.changes.length))
            expect(page.head).toBe(ends.at(-1))
            expect(ends).toContain(after + page.changes.length)
            expect(page.changes.length > 0).toBe(after < page.head)
            const { changes: most } = await back.log.read({ after, limit })
            expect(page.changes.length).toBeLessThanOrEqual(most.length)
            if (!some) expect(page.changes.length).toBe(most.length)
          }
        },
      ),
    )
  })

  it('keeps no more than it may, whoever replays a long log, and starves nobody meanwhile', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 400)
    const { log, reads } = watched(back.log, remote)
    const shared = sharedLog(log, { maxChanges: 50 })
    const stop = new AbortController()
    const live: number[] = []
    const follower = (async () => {
      for await (const batch of changes(shared, { bookmarks: true, signal: stop.signal })) live.push(...seqsOf(batch))
    })()
    const replay = takeSeqs(changes(shared, { from: 'start', batch: 10 }), 400)
    await commitNumbers(back, 5, 401)
    await eventually('the follower is there', () => live.length >= 5 || live.at(-1) === 405)
    expect(await replay).toEqual(expect.arrayContaining(range(1, 400)))
    stop.abort()
    await follower
    // What was read first is not kept any more.
    const before = reads.length
    await shared.read({ after: 0, limit: 10 })
    expect(reads.length).toBe(before + 1)
  })

  it('gives who starts anywhere inside of a page the rest of it, and pages of the others from there on', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 40)
    const { log, reads } = watched(back.log, remote)
    const shared = sharedLog(log)
    const tokens = (await take(changes(shared, { from: 'start', batch: 1 }), 3)).map(({ token }) => token)
    await takeSeqs(changes(shared, { from: 'start', batch: 10 }), 40)
    const before = reads.length
    expect(await takeSeqs(changes(shared, { after: tokens[2]!, batch: 10 }), 37)).toEqual(range(4, 40))
    expect(reads.length).toBe(before)
  })

  it('forgets everything when the log was restored', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 5)
    const { log, reads } = watched(back.log, remote)
    const shared = sharedLog(log)
    const { token } = await firstBatch(changes(shared, { from: 'start' }))
    const following = iterate(shared, { after: token }).next()
    await Promise.all([expect(following).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' }), back.restored()])
    await expect(firstBatch(changes(shared, { after: token }))).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    const before = reads.length
    expect(await takeSeqs(changes(shared, { from: 'start' }), 5)).toEqual(range(1, 5))
    expect(reads.length).toBeGreaterThan(before)
  })

  it('does not keep a page that is too large, nor one that is not dense', async () => {
    const back = createMemoryBack()
    await commit(back, setting('large', 'x'.repeat(5000)))
    await commit(back, setting('a', 1), setting('b', 2))
    const { log, reads } = watched(back.log, remote)
    const small = sharedLog(log, { maxBytes: 2000 })
    for (let i = 0; i < 2; i++) await readPage(small, { after: 0, limit: 10 })
    for (let i = 0; i < 2; i++) await readPage(small, { after: 1, limit: 10 })
    expect(reads).toEqual([0, 0, 1])
    const torn = withLog(log, {
      read: async (options) => {
        const page = await log.read(options)
        return { ...page, changes: page.changes.slice(0, -1) }
      },
    })
    const over = sharedLog(torn)
    for (let i = 0; i < 2; i++) {
      await expect(firstBatch(changes(over, { from: 'start' }))).rejects.toMatchObject({ code: 'LOG_GAP' })
    }
    expect(reads.length).toBe(5)
  })

  it('one who leaves ends nobody else, and the last one ends the wait of the log', async () => {
    const back = createMemoryBack()
    const signals: AbortSignal[] = []
    const { log } = watched(back.log, remote)
    const shared = sharedLog(
      withLog(log, {
        sync: log.sync,
        wait: (after, signal) => {
          signals.push(signal)
          return back.log.wait(after, signal)
        },
      }),
    )
    const streams = [1, 2, 3].map(() => iterate(shared, { from: 'start' }))
    const pending = streams.map((stream) => stream.next())
    await eventually('they wait', () => signals.length === 1)
    await streams[0]!.return!()
    await streams[1]!.return!()
    expect(signals[0]!.aborted).toBe(false)
    await commitNumbers(back, 1)
    expect((await Promise.all(pending)).map(({ value }) => value && seqsOf(value))).toEqual([undefined, undefined, [1]])
    const more = streams[2]!.next()
    await eventually('it waits again', () => signals.length === 2)
    await streams[2]!.return!()
    await more
    expect(signals[1]!.aborted).toBe(true)
  })

  it('fails all who wait when the log does', async () => {
    const back = createMemoryBack()
    const shared = sharedLog(watched(back.log, remote).log)
    const pending = [1, 2].map(() => iterate(shared, { from: 'start' }).next())
    const failed = pending.map((each) => expect(each).rejects.toMatchObject({ code: 'CLOSED' }))
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    await back.close()
    await Promise.all(failed)
  })

  it('wakes one who waits for less than the others', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const shared = sharedLog(watched(back.log, remote).log)
    const stop = new AbortController()
    const late = shared.wait(10, stop.signal).then(
      () => 'woken',
      () => 'aborted',
    )
    await shared.wait(2, stop.signal)
    const next = shared.wait(3, stop.signal)
    await commitNumbers(back, 1, 4)
    await next
    stop.abort()
    expect(['woken', 'aborted']).toContain(await late)
    await expect(shared.wait(4, stop.signal)).rejects.toThrow()
  })
})

describe('sharedLog over SQLite', () => {
  it('meets commits and restores of other connections', async () => {
    await using store = await tempStore()
    const [here, there] = [store.open(), store.open()]
    await commitNumbers(here, 3)
    const shared = sharedLog(here.log)
    expect(await takeSeqs(changes(shared, { from: 'start' }), 3)).toEqual([1, 2, 3])
    await commit(there, setting('x', 1), deleting(['n', 1]))
    expect((await shared.read({ after: 0, limit: 10 })).head).toBe(5)
    const { token } = await firstBatch(changes(shared, { from: 'start' }))
    await there.restored()
    await expect(firstBatch(changes(shared, { after: token, bookmarks: true }))).rejects.toMatchObject({
      code: 'LOG_EPOCH_CHANGED',
    })
  })
})

describe('a subscriber at the end of the log', () => {
  it.each([{ shared: false }, { shared: true }])(
    'meets a restore that was declared elsewhere before it began to wait (shared: $shared)',
    async ({ shared }) => {
      await using store = await tempStore()
      const [here, there] = [store.open(), store.open()]
      await commitNumbers(here, 3)
      const stream = iterate(shared ? sharedLog(here.log) : here.log, { from: 'start' })
      await stream.next()
      await there.restored()
      await expect(stream.next()).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
    },
  )
})

describe('options of sharedLog', () => {
  it.each<[string, object]>([
    ['maxChanges', { maxChanges: 0 }],
    ['maxBytes', { maxBytes: 0.5 }],
    ['maxChange', { maxChange: 1 }],
  ])('a wrong %s is refused at once', (name, options) => {
    expect(() => sharedLog(createMemoryBack().log, options)).toThrow(name)
  })

  it('a log that is none is refused', () => {
    expect(() => sharedLog({} as Log)).toThrow(/the log/)
  })
})
