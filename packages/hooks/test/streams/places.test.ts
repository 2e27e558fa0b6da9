import { createMemoryBack, type Log, type LogChange, Store } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import {
  type Change,
  type ChangeBatch,
  changes,
  type ChangesOptions,
  decodeToken,
  encodeToken,
  follow,
  sharedLog,
} from '../../src/index.ts'
import { firstBatch, range, take, takeSeqs, withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

async function seen(log: Log, count: number, options: ChangesOptions = {}): Promise<Change[]> {
  return (await take(changes(log, { from: 'start', ...options }), count)).flatMap((batch) => batch.changes)
}

describe('from a date', () => {
  it.each(['memory', 'sqlite'])('begins with what was committed then or later (%s)', async (tier) => {
    const clock = new ManualClock()
    await using store = await tempStore()
    const back = tier === 'memory' ? createMemoryBack({ clock }) : store.open({ clock })
    const start = clock.now()
    for (let n = 1; n <= 5; n++) {
      await commitNumbers(back, 2, n)
      clock.advance(10)
    }
    const from = (ms: number): Promise<number[]> => takeSeqs(changes(back.log, { from: new Date(start + ms) }), 1)
    expect((await from(-1000))[0]).toBe(1)
    expect((await from(0))[0]).toBe(1)
    expect((await from(1))[0]).toBe(3)
    expect((await from(40))[0]).toBe(9)
  })

  it.each(['memory', 'sqlite'])('that is still to come begins when it has come, and not before (%s)', async (tier) => {
    const clock = new ManualClock()
    await using store = await tempStore()
    const back = tier === 'memory' ? createMemoryBack({ clock }) : store.open({ clock })
    await commitNumbers(back, 2)
    const looks: number[] = []
    const log = withLog(back.log, {
      seqBefore: (at) => back.log.seqBefore(at),
      wait: (after, signal) => {
        looks.push(after)
        return back.log.wait(after, signal)
      },
    })
    const from = new Date(clock.now() + 1_000)
    const stream = changes(log, { from, bookmarks: true })[Symbol.asyncIterator]()
    const first = stream.next()
    await eventually('it waits', () => looks.includes(2))
    await commitNumbers(back, 1, 3)
    await eventually('it waits on', () => looks.includes(3))
    clock.advance(999)
    await commitNumbers(back, 1, 4)
    await eventually('it waits on', () => looks.includes(4))
    clock.advance(1)
    await commitNumbers(back, 1, 5)
    const bookmark = (await first).value as ChangeBatch
    expect(bookmark).toMatchObject({ changes: [], head: 5 })
    expect(decodeToken(bookmark.token)).toMatchObject({ seq: 4 })
    expect((await stream.next()).value).toMatchObject({ changes: [{ seq: 5 }] })
    await commitNumbers(back, 1, 6)
    expect((await stream.next()).value).toMatchObject({ changes: [{ seq: 6 }] })
    await stream.return!()
  })

  it('is not believed to have come because of what is committed while it is looked for', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 2)
    let looks = 0
    const seqBefore = async (at: number): Promise<number | undefined> => {
      const seq = await back.log.seqBefore(at)
      if (++looks === 1) await commitNumbers(back, 2, 3)
      clock.advance(10)
      if (looks === 2) await commitNumbers(back, 1, 5)
      return seq
    }
    const from = new Date(clock.now() + 20)
    expect(await takeSeqs(changes(withLog(back.log, { seqBefore }), { from }), 1)).toEqual([5])
  })

  it('is read for where a page is bounded in other ways, too', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 2)
    clock.advance(10)
    await commitNumbers(back, 2, 3)
    const log = withLog(back.log, { read: (options) => back.log.read({ ...options, limit: 1 }) })
    expect(await takeSeqs(changes(log, { from: new Date(clock.now()) }), 2)).toEqual([3, 4])
  })

  it('that never comes is waited for until the stream is ended', async () => {
    const back = createMemoryBack()
    const ending = new AbortController()
    const stream = changes(back.log, { from: new Date(8e15), signal: ending.signal })[Symbol.asyncIterator]()
    const next = stream.next()
    await commitNumbers(back, 1)
    ending.abort()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  it('is a typed error, or the policy, when that may be gone', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock, maxLogChanges: 2 })
    const start = clock.now()
    for (let n = 1; n <= 5; n++) {
      await commitNumbers(back, 1, n)
      clock.advance(10)
    }
    const from = new Date(start + 10)
    await expect(firstBatch(changes(back.log, { from }))).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 3 })
    const [told] = await take(changes(back.log, { from, onCompacted: 'latest', bookmarks: true }), 0)
    expect(told).toBeUndefined()
    const batch = await firstBatch(changes(back.log, { from, onCompacted: 'latest' }))
    expect(batch).toMatchObject({ changes: [], skipped: { after: 0, to: 5 } })
    expect(await takeSeqs(changes(back.log, { from: new Date(start + 40) }), 1)).toEqual([5])
  })

  it('that is none is refused', () => {
    expect(() => changes(createMemoryBack().log, { from: new Date('never') })).toThrow(/from/)
  })
})

describe('old', () => {
  it.each(['memory', 'sqlite', 'shared'])('is the value that a change replaced (%s)', async (tier) => {
    await using files = await tempStore()
    const back = tier === 'memory' ? createMemoryBack() : files.open()
    const store = new Store(back)
    await store.set('a', { n: 1 })
    await store.setMany([
      ['a', { n: 2 }],
      ['b', null],
      ['a', { n: 3 }],
    ])
    await store.delete('a')
    await store.set('a', 4)
    await store.invalidateTag('t')
    await store.invalidateTag('t')
    const log = tier === 'shared' ? sharedLog(back.log) : back.log
    const got = await seen(log, 8, { old: true })
    expect(got.map(({ op, old, oldCompacted }) => [op, old, oldCompacted])).toEqual([
      ['set', undefined, undefined],
      ['set', { n: 1 }, undefined],
      ['set', undefined, undefined],
      ['set', { n: 2 }, undefined],
      ['delete', { n: 3 }, undefined],
      ['set', undefined, undefined],
      ['invalidate-tag', undefined, undefined],
      ['invalidate-tag', undefined, undefined],
    ])
    expect(Object.isFrozen(got[1]!.old)).toBe(true)
    expect(got[1]!.toJSON()).toMatchObject({ old: { n: 1 }, value: { n: 2 } })
    expect((await seen(log, 8)).every(({ old }) => old === undefined)).toBe(true)
    // What was found to be absent is no value.
    await store.getOrSet('none', () => undefined, { negativeTtlMs: 100_000 })
    await store.set('none', 1)
    expect((await seen(log, 10, { old: true })).at(-1)).toMatchObject({ prevVersion: 9, old: undefined })
  })

  it('says when the log no longer holds it', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    await commit(back, setting('a', 1))
    await commit(back, setting('b', 1))
    await commit(back, setting('a', 2))
    const stream = changes(back.log, { old: true, bookmarks: true })[Symbol.asyncIterator]()
    await stream.next()
    await commit(back, setting('a', 3), deleting('b'))
    await commit(back, setting('b', 3))
    const { changes: shown } = (await stream.next()).value as ChangeBatch
    await stream.return!()
    expect(await back.log.floor()).toBe(3)
    const told = shown.map(({ old, oldCompacted }) => [old, oldCompacted])
    expect(told).toEqual([
      [undefined, true],
      [undefined, true],
      [undefined, undefined],
    ])
  })

  it('takes one look at the log for each page, and none for what is known', async () => {
    const back = createMemoryBack()
    for (let n = 0; n < 3; n++) await commit(back, ...range(1, 4).map((k) => setting(['k', k], n)))
    const asked: (readonly number[])[] = []
    const log = withLog(back.log, {
      at: (seqs) => {
        asked.push(seqs)
        return back.log.at(seqs)
      },
    })
    await seen(log, 12, { old: true, batch: 6 })
    expect(asked).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ])
    const shared = sharedLog(log)
    const [first, second] = await Promise.all([1, 2].map(() => seen(shared, 12, { old: true, batch: 6 })))
    expect(asked).toHaveLength(2)
    expect(second!.every((change, i) => change === first![i])).toBe(true)
  })

  it('comes with follow, too', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const stream = follow(back, { old: true })[Symbol.asyncIterator]()
    for (let kind = ''; kind !== 'ready';) kind = (await stream.next()).value!.kind
    await commit(back, setting(['n', 1], 2))
    expect((await stream.next()).value).toMatchObject({ changes: [{ value: 2, old: 1 }] })
    await stream.return!()
  })
})

describe('a token at the floor', () => {
  it('is checked where the change is kept below the floor', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const kept = (await back.log.read({ after: 0, limit: 3 })).changes
    const log = withLog(back.log, {
      floor: async () => 2,
      read: async (options) => {
        if (options.after < 2) {
          const { CompactedError } = await import('@tidemark/core')
          throw new CompactedError(options.after, 2, 3)
        }
        return back.log.read(options)
      },
      at: async (seqs): Promise<(LogChange | undefined)[]> => seqs.map((seq) => kept[seq - 1]),
    })
    const tokens = (await take(changes(back.log, { from: 'start', batch: 1 }), 3)).map(({ token }) => token)
    expect(await takeSeqs(changes(log, { after: tokens[1]! }), 1)).toEqual([3])
    const diverged = encodeToken({ ...back.log.identity, seq: 2, check: 12345 })
    await expect(firstBatch(changes(log, { after: diverged }))).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
  })
})
