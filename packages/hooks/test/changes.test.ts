import { createMemoryBack, type Log } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChangeBatch, changes, type ChangesOptions, createHooks } from '../src/index.ts'
import { deferred } from './support/deferred.ts'
import { firstBatch, range, take, takeSeqs, withLog } from './support/reading.ts'
import { commit, commitNumbers, deleting, setting } from './support/writing.ts'

/** Counts what is asked of the log. */
function counting(log: Log): { log: Log; reads: number[]; waits: AbortSignal[]; waiting: Promise<void> } {
  const reads: number[] = []
  const waits: AbortSignal[] = []
  const { promise: waiting, resolve } = deferred()
  const counted = withLog(log, {
    read: (options) => {
      reads.push(options.after)
      return log.read(options)
    },
    wait: (after, signal) => {
      waits.push(signal)
      resolve()
      return log.wait(after, signal)
    },
  })
  return { log: counted, reads, waits, waiting }
}

function iterate(log: Log, options: ChangesOptions = {}): AsyncIterator<ChangeBatch, undefined> {
  return changes(log, options)[Symbol.asyncIterator]()
}

describe('changes', () => {
  it('from the start gives every change once, in order, then what is committed meanwhile', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 7)
    const stream = iterate(back.log, { from: 'start', batch: 3 })
    const seqs: number[] = []
    for (let i = 0; i < 3; i++) seqs.push(...(await stream.next()).value!.changes.map((change) => change.seq))
    expect(seqs).toEqual(range(1, 7))
    const next = stream.next()
    await commitNumbers(back, 1, 8)
    expect((await next).value?.changes.map(({ seq, key, value }) => ({ seq, key, value }))).toEqual([
      { seq: 8, key: ['n', 8], value: 8 },
    ])
    await stream.return!()
  })

  it('starts now unless told otherwise: after the head at its first pull', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const stream = iterate(back.log, { bookmarks: true })
    expect((await stream.next()).value).toMatchObject({ changes: [], head: 3 })
    await commitNumbers(back, 2, 4)
    expect((await stream.next()).value?.changes.map((change) => change.seq)).toEqual([4, 5])
    await stream.return!()
  })

  it('gives what writes$ gave', async () => {
    const back = createMemoryBack()
    const hooks = createHooks(back)
    const hot: unknown[] = []
    hooks.writes$.subscribe((change) => hot.push(change.toJSON()))
    await commitNumbers(back, 3)
    await commit(back, deleting(['n', 1]), setting('x', { y: 1 }, { meta: 'm' }))
    const batches = await take(changes(back.log, { from: 'start' }), 5)
    expect(batches.flatMap((batch) => batch.changes.map((change) => change.toJSON()))).toEqual(hot)
  })

  it('a token wins over from', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const { token } = await firstBatch(changes(back.log, { from: 'start', batch: 2 }))
    expect(await takeSeqs(changes(back.log, { after: token, from: 'start' }), 1)).toEqual([3])
  })

  it('never splits a commit', async () => {
    const back = createMemoryBack()
    await commit(back, ...range(1, 5).map((n) => setting(n, n)))
    await commit(back, setting('a', 1))
    await commit(back, ...range(1, 3).map((n) => setting(n, n)))
    const batches = await take(changes(back.log, { from: 'start', batch: 2 }), 9)
    for (const batch of batches) {
      expect(batch.changes[0]!.txn.first).toBe(batch.changes[0]!.seq)
      expect(batch.changes.at(-1)!.txn.last).toBe(batch.changes.at(-1)!.seq)
    }
    expect(batches.map((batch) => batch.changes.length)).toEqual([5, 4])
  })

  it('filters by prefix and op, and its tokens move past what was left out', async () => {
    const back = createMemoryBack()
    await commit(back, setting(['user', 1], 1), setting(['users', 1], 1), setting('user', 0))
    await commit(back, deleting(['user', 1]))
    await commitNumbers(back, 4)
    const byPrefix = await take(changes(back.log, { from: 'start', prefix: ['user'] }), 3)
    expect(byPrefix.flatMap((batch) => batch.changes.map((change) => change.seq))).toEqual([1, 3, 4])
    await commit(back, setting(['user', 2], 2))
    expect(await takeSeqs(changes(back.log, { after: byPrefix.at(-1)!.token }), 1)).toEqual([9])
    expect(await takeSeqs(changes(back.log, { from: 'start', ops: ['delete'] }), 1)).toEqual([4])
    expect(await takeSeqs(changes(back.log, { from: 'start', ops: ['set'], prefix: ['user'] }), 3)).toEqual([1, 3, 9])
  })

  it('bookmarks say where it is, once per page of which nothing was wanted', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 6)
    await commit(back, setting('wanted', 1))
    const batches = await take(changes(back.log, { from: 'start', prefix: 'wanted', batch: 2, bookmarks: true }), 1)
    expect(batches.map((batch) => batch.changes.length)).toEqual([0, 0, 0, 0, 1])
    for (const [i, { token }] of batches.slice(0, -1).entries()) {
      expect(await takeSeqs(changes(back.log, { after: token }), 7 - 2 * i)).toEqual(range(2 * i + 1, 7))
    }
    const silent = await take(changes(back.log, { from: 'start', prefix: 'wanted', batch: 2 }), 1)
    expect(silent).toHaveLength(1)
  })

  it('delivers the log for any commits, page size, filter and points of resumption', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 })
    const chance = fc.infiniteStream(fc.boolean())
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        chance,
        async (commits, batch, odd, coin) => {
          const back = createMemoryBack()
          let n = 0
          for (const size of commits) await commit(back, ...range(1, size).map(() => setting([n++ % 2, n], n)))
          const prefix = odd ? [1] : []
          const expected = range(1, n).filter((seq) => !odd || seq % 2 === 0)
          const seen: number[] = []
          let after: string | undefined
          while (seen.length < expected.length) {
            for await (const page of changes(back.log, { from: 'start', after, prefix, batch })) {
              seen.push(...page.changes.map((change) => change.seq))
              after = page.token
              if (seen.length >= expected.length || coin.next().value) break
            }
          }
          expect(seen).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('reads a page only when the one before was taken, and nothing before the first pull', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 10)
    const { log, reads } = counting(back.log)
    const stream = iterate(log, { from: 'start', batch: 2 })
    await back.log.head()
    expect(reads).toEqual([])
    await stream.next()
    await new Promise(setImmediate)
    expect(reads).toEqual([0])
    await stream.next()
    expect(reads).toEqual([0, 2])
    await stream.return!()
  })

  it('lets others run during a long replay, also when nothing of it is wanted', async () => {
    const back = createMemoryBack()
    await commit(back, setting('wanted', 0))
    await commitNumbers(back, 50)
    await commit(back, setting('wanted', 1))
    let turns = 0
    let running = true
    const tick = (): void => {
      turns++
      if (running) setImmediate(tick)
    }
    setImmediate(tick)
    await takeSeqs(changes(back.log, { from: 'start', prefix: 'wanted', batch: 1 }), 2)
    running = false
    expect(turns).toBeGreaterThan(25)
  })

  it('answers pulls that were made at once in order', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const stream = iterate(back.log, { from: 'start', batch: 1 })
    const pages = await Promise.all([stream.next(), stream.next(), stream.next()])
    expect(pages.map((page) => page.value?.changes[0]?.seq)).toEqual([1, 2, 3])
    await stream.return!()
  })

  it('takes a spurious wake-up for what it is', async () => {
    const back = createMemoryBack()
    let wakeups = 0
    const log = withLog(back.log, {
      wait: (after, signal) => (wakeups++ < 3 ? Promise.resolve() : back.log.wait(after, signal)),
    })
    const next = iterate(log, { from: 'start' }).next()
    await commitNumbers(back, 1)
    expect((await next).value?.changes.map((change) => change.seq)).toEqual([1])
  })
})

describe('stopping', () => {
  it.each(['abort', 'return'] as const)('%s ends a pending wait at once, and the iteration normally', async (how) => {
    const { log, waits, waiting } = counting(createMemoryBack().log)
    const controller = new AbortController()
    const stream = iterate(log, { signal: controller.signal })
    const pending = [stream.next(), stream.next()]
    await waiting
    if (how === 'abort') controller.abort()
    else expect(await stream.return!()).toEqual({ done: true, value: undefined })
    expect(await Promise.all(pending)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    expect(waits.map((signal) => signal.aborted)).toEqual([true])
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('does not wait for a log that hangs', async () => {
    const log = withLog(createMemoryBack().log, { head: () => new Promise(() => {}) })
    const stream = iterate(log)
    const pending = stream.next()
    await stream.return!()
    expect((await pending).done).toBe(true)
  })

  it('reads nothing more afterwards', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    const { log, reads } = counting(back.log)
    const stream = iterate(log, { from: 'start', batch: 1 })
    await stream.next()
    await stream.return!()
    expect((await stream.next()).done).toBe(true)
    expect(reads).toEqual([0])
  })

  it('a signal that was aborted before ends it before it reads', async () => {
    const { log, reads } = counting(createMemoryBack().log)
    const seen: unknown[] = []
    for await (const batch of changes(log, { signal: AbortSignal.abort(), bookmarks: true })) seen.push(batch)
    expect([seen, reads]).toEqual([[], []])
  })

  it('leaves no listener on a signal that outlives it', async () => {
    const listeners = new Set<unknown>()
    const { signal } = new AbortController()
    signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener)
    signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener)
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const stream = iterate(back.log, { from: 'start', signal })
    expect(listeners.size).toBe(0)
    await stream.next()
    expect(listeners.size).toBe(1)
    await stream.return!()
    expect(listeners.size).toBe(0)
    await expect(iterate(back.log, { after: 'nonsense', signal }).next()).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
    })
    expect(listeners.size).toBe(0)
  })
})

describe('a log that breaks its word', () => {
  async function failure(
    breakIt: (log: Log) => Partial<Log>,
    options: ChangesOptions = {},
  ): Promise<{ error: unknown; seqs: number[] }> {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    await commit(back, setting('a', 1), setting('b', 2))
    const seqs: number[] = []
    try {
      for await (const batch of changes(withLog(back.log, breakIt(back.log)), {
        from: 'start',
        batch: 2,
        ...options,
      })) {
        seqs.push(...batch.changes.map((change) => change.seq))
      }
    } catch (error) {
      return { error, seqs }
    }
    throw new Error('it did not fail')
  }

  const dropping = (seq: number) => (log: Log) => ({
    read: async (options: Parameters<Log['read']>[0]) => {
      const page = await log.read(options)
      return { ...page, changes: page.changes.filter((row) => row.seq !== seq) }
    },
  })

  it.each([
    ['at the beginning of a page', dropping(3), [1, 2]],
    ['in the middle of a page', dropping(4), [1, 2]],
    ['in the middle of a commit', dropping(5), [1, 2, 3, 4]],
    ['at the end of a commit', dropping(6), [1, 2, 3, 4]],
  ])('a change lost %s is a LOG_GAP, and nothing of that page is delivered', async (where, breakIt, delivered) => {
    // A page of 2 that starts at 3 ends with 4: dropping 4 shows when the next page does not continue.
    const { error, seqs } = await failure(breakIt)
    expect(error).toMatchObject({ code: 'LOG_GAP', retryable: false })
    expect(seqs).toEqual(where === 'in the middle of a page' ? [1, 2, 3] : delivered)
  })

  it('shows even when the filter wants nothing of what surrounds it', async () => {
    expect((await failure(dropping(3), { prefix: 'nothing' })).error).toMatchObject({ code: 'LOG_GAP' })
  })

  it('a repeated change is a LOG_GAP', async () => {
    const { error, seqs } = await failure((log) => ({
      read: (options) => log.read({ ...options, after: Math.max(0, options.after - 1) }),
    }))
    expect(error).toMatchObject({ code: 'LOG_GAP' })
    expect(seqs).toEqual([1, 2])
  })

  it('an empty page before the head is a LOG_GAP, not a wait for ever', async () => {
    const { error } = await failure(() => ({ read: async () => ({ changes: [], head: 6 }) }))
    expect(error).toMatchObject({ code: 'LOG_GAP' })
  })

  it('its own errors come through, and end the iteration', async () => {
    const back = createMemoryBack()
    const broken = new Error('disk')
    const stream = iterate(withLog(back.log, { read: () => Promise.reject(broken) }), { from: 'start' })
    await expect(stream.next()).rejects.toBe(broken)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })
})

describe('options', () => {
  it.each<[string, object]>([
    ['from', { from: 'yesterday' }],
    ['batch', { batch: 0 }],
    ['batch', { batch: 1.5 }],
    ['ops', { ops: [] }],
    ['ops', { ops: ['put'] }],
    ['after', { after: 5 }],
    ['prefix', { prefix: [{}] }],
    ['bookmarks', { bookmarks: 1 }],
    ['signal', { signal: {} }],
    ['signal', { signal: 'abort' }],
    ['befor', { befor: 1 }],
  ])('a wrong %s is refused at once', (name, options) => {
    const { log } = createMemoryBack()
    expect(() => changes(log, options)).toThrow(name === 'prefix' ? /key/ : name)
  })
})
