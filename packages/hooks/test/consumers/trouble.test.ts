import { createMemoryBack, type MemoryBack, Store, TidemarkError } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume, type Consumer } from '../../src/index.ts'
import { laneKey, parkedKey, requestKey } from '../../src/consumers/consumer-keys.ts'
import { encodeRecord } from '../../src/consumers/record.ts'
import { deferred } from '../support/deferred.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { commitNumbers } from '../support/writing.ts'
import { idle } from '../support/consuming.ts'

beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

const options = { from: 'start', lanes: 1, prefix: 'n', backoff: { minMs: 1, maxMs: 2 } } as const

const busy = (): TidemarkError => new TidemarkError('BUSY', 'somebody else writes', { retryable: true })
const failed = (): TidemarkError => new TidemarkError('IO', 'the disk failed')

/** The back tier, whose next write of marks, or commit of entries, fails; `executed`: after it was done. */
function failNext(back: MemoryBack, what: 'marks' | 'commit', error: TidemarkError, executed: boolean): () => boolean {
  let hasFailed = false
  const commit = back.commit.bind(back)
  const write = back.marks.write.bind(back.marks)
  const fail = async (work: () => Promise<unknown>): Promise<never> => {
    hasFailed = true
    if (executed) await work()
    throw error
  }
  if (what === 'commit') {
    vi.spyOn(back, 'commit').mockImplementation((proposal) => {
      if (hasFailed || proposal.lease === undefined || proposal.decide.length + proposal.reads.length === 0)
        return commit(proposal)
      return fail(() => commit(proposal))
    })
  } else {
    vi.spyOn(back.marks, 'write').mockImplementation((writes, writeOptions) => {
      const isOfLane = writes.some(({ key }) => key.id === laneKey('trouble', 0).id)
      return hasFailed || !isOfLane ? write(writes, writeOptions) : fail(() => write(writes, writeOptions))
    })
  }
  return () => hasFailed
}

describe('a back tier that fails', () => {
  it.each([
    { executed: false, error: busy },
    { executed: true, error: failed },
  ])('during a transaction (executed: $executed): what was written is there once', async ({ executed, error }) => {
    const back = createMemoryBack()
    const store = new Store(back)
    await commitNumbers(back, 10)
    const hasFailed = failNext(back, 'commit', error(), executed)
    await using consumer = await consume(
      back,
      'trouble',
      { ...options, batch: 3, transaction: true },
      async (changes, { tx }) => {
        for (const { key } of changes) tx.set(['count', key[1]!], ((await tx.get<number>(['count', key[1]!])) ?? 0) + 1)
      },
    )
    const events = recordEvents(consumer)
    await idle(consumer, 10)
    expect(hasFailed()).toBe(true)
    expect(events.filter(({ kind }) => kind === 'trouble')).toMatchObject([{ lane: 0, error: { code: error().code } }])
    expect(kindsOf(events)).not.toContain('attempt-failed')
    expect(await Promise.all(range(1, 10).map((n) => store.get(['count', n])))).toEqual(range(1, 10).map(() => 1))
  })

  it.each([false, true])('while a place is stored (executed: %s): nothing is left out', async (executed) => {
    const back = createMemoryBack()
    await commitNumbers(back, 10)
    const seen = new Set<number>()
    const hasFailed = failNext(back, 'marks', busy(), executed)
    await using consumer = await consume(back, 'trouble', { ...options, batch: 3 }, (changes) => {
      for (const { seq } of changes) seen.add(seq)
    })
    await idle(consumer, 10)
    expect(hasFailed()).toBe(true)
    expect([...seen].toSorted((a, b) => a - b)).toEqual(range(1, 10))
  })

  it('while lanes are shared out: it is tried again', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const acquire = back.leases.acquire.bind(back.leases)
    let calls = 0
    vi.spyOn(back.leases, 'acquire').mockImplementation(async (key, ttlMs) => {
      // The first one is for the registration.
      if (++calls === 2) throw busy()
      return acquire(key, ttlMs)
    })
    await using consumer = await consume(back, 'trouble', { ...options, leaseMs: 200 }, () => {})
    const events = recordEvents(consumer)
    await idle(consumer, 1)
    expect(events).toMatchObject([{ kind: 'trouble', lane: undefined }, { kind: 'lane-acquired' }])
  })

  it('for as long as the lease: the lane is given up, and taken again', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const renew = vi.spyOn(back.leases, 'renew').mockRejectedValue(busy())
    const reason = Promise.withResolvers<unknown>()
    let calls = 0
    await using consumer = await consume(back, 'trouble', { ...options, leaseMs: 150 }, async (_change, { signal }) => {
      if (++calls > 1) return
      signal.addEventListener('abort', () => reason.resolve(signal.reason))
      await new Promise(() => {})
    })
    expect(await reason.promise).toMatchObject({ code: 'LEASE_LOST' })
    renew.mockRestore()
    await idle(consumer, 1)
    expect(calls).toBe(2)
  })
})

describe('what is left in the middle', () => {
  it('by a close that could not wait: the next owners go through it one by one', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 6)
    const calls: number[][] = []
    const began = deferred()
    const hasty = await consume(back, 'trouble', { ...options, batch: 3, closeGraceMs: 1 }, async () => {
      began.resolve()
      await new Promise(() => {})
    })
    await began.promise
    await hasty.close()
    const gate = deferred()
    const begun = deferred()
    const brief = await consume(back, 'trouble', { ...options, batch: 3 }, async (changes) => {
      calls.push(changes.map(({ seq }) => seq))
      begun.resolve()
      await gate.promise
    })
    await begun.promise
    const closed = brief.close()
    gate.resolve()
    await closed
    expect(calls).toEqual([[1]])
    await using next = await consume(back, 'trouble', { ...options, batch: 3 }, (changes) => {
      calls.push(changes.map(({ seq }) => seq))
    })
    await idle(next, 6)
    expect(calls).toEqual([[1], [2], [3], [4, 5, 6]])
  })

  it('of a batch that is tried one by one: a close waits for the one in hand alone', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const gate = deferred()
    const alone = deferred()
    const handled: number[] = []
    const consumer = await consume(back, 'trouble', { ...options, batch: 3 }, async (changes) => {
      if (changes.length > 1) throw new Error('too many')
      alone.resolve()
      await gate.promise
      handled.push(changes[0]!.seq)
    })
    await alone.promise
    const closed = consumer.close()
    gate.resolve()
    await closed
    expect(handled).toEqual([1])
    expect((await consumer.stats()).lanes[0]!.seq).toBe(1)
  })

  it('of a replay is noted before it begins', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    let attempts: number | undefined
    let isReplay = false
    const park = { ...options, attempts: 1, onFailure: 'park' } as const
    await using consumer: Consumer = await consume(back, 'trouble', park, async () => {
      if (!isReplay) throw new Error('no')
      for await (const parked of consumer.parked()) ({ attempts } = parked)
    })
    await idle(consumer, 1)
    isReplay = true
    expect(await consumer.replay()).toEqual({ replayed: 1, left: 0 })
    expect(attempts).toBe(2)
  })

  it('of a replay: it counts as an attempt, and is not tried again by itself', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    let isBroken = true
    const calls: number[] = []
    await using consumer = await consume(back, 'trouble', { ...options, attempts: 1, onFailure: 'park' }, ({ seq }) => {
      calls.push(seq)
      if (isBroken) throw new Error('no')
    })
    await idle(consumer, 1)
    isBroken = false
    // As an owner leaves it that died during the replay.
    const key = requestKey('trouble', 0, 1)
    await back.marks.write([{ key, value: encodeRecord(back.codec, { kind: 'replay', fence: 1 }) }])
    await eventually('it was answered', async () => (await back.marks.read([key]))[0] === undefined)
    expect(calls).toEqual([1])
    expect((await back.marks.read([parkedKey('trouble', 0, 1)]))[0]).toBeDefined()
    expect(await consumer.replay()).toEqual({ replayed: 1, left: 0 })
  })
})
