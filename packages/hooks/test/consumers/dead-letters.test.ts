import { createMemoryBack } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume, consumerStats, dropConsumer, dropParked, parkedChanges, replayParked } from '../../src/index.ts'
import { laneKey } from '../../src/consumers/consumer-keys.ts'
import { deferred } from '../support/deferred.ts'
import { recordEvents } from '../support/events.ts'
import { pass, settle } from '../support/passing.ts'
import { range } from '../support/reading.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'
import { expectCounts, openRequestsOf, parkAll, parkedSeqs, parking } from '../support/dead-letters.ts'

beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

describe('a consumer that nobody runs', () => {
  it('has its parked changes listed and dropped: by seq, by key, all', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 12)
    await parkAll(back, 'idle', [2, 3, 5, 7, 11])
    expect(await parkedSeqs(back, 'idle')).toEqual([2, 3, 5, 7, 11])
    expect(await parkedSeqs(back, 'idle', { seq: 5 })).toEqual([5])
    expect(await parkedSeqs(back, 'idle', { key: ['n', 7] })).toEqual([7])
    expect(await parkedSeqs(back, 'idle', { key: ['n', 7], seq: 5 })).toEqual([])
    const [first] = await Array.fromAsync(parkedChanges(back, 'idle', { seq: 2 }))
    expect(first).toMatchObject({ change: { key: ['n', 2], value: 2 }, attempts: 1, error: 'Error: poison 2' })

    expect(await dropParked(back, 'idle', { seq: 5 })).toBe(1)
    expect(await dropParked(back, 'idle', { seq: 5 })).toBe(0)
    expect(await dropParked(back, 'idle', { key: ['n', 7] })).toBe(1)
    expect(await parkedSeqs(back, 'idle')).toEqual([2, 3, 11])
    await expectCounts(back, 'idle')
    expect(await dropParked(back, 'idle')).toBe(3)
    expect(await consumerStats(back, 'idle')).toMatchObject({ parked: 0, lag: 0, members: 0 })
    await expectCounts(back, 'idle')
  })

  it('goes on as if its lanes had not been touched: what was in hand is suspect, what was tried is counted', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    const dead = new StoppableClock(clock)
    const calls: (readonly [seqs: number[], attempt: number])[] = []
    const lane = { ...parking, lanes: 1, leaseMs: 1_000, batch: 2 } as const
    await consume(back, 'killed', { ...lane, clock: dead }, async (changes, { attempt }) => {
      const seqs = changes.map(({ seq }) => seq)
      calls.push([seqs, attempt])
      if (seqs.includes(1)) throw new Error('no')
      await new Promise(() => {})
    }).then(recordEvents)
    await settle()
    expect(calls).toEqual([
      [[1, 2], 1],
      [[1], 1],
      [[2], 1],
    ])
    dead.stop()
    clock.advance(1_001)
    const stored = async (): Promise<unknown> => (await back.marks.read([laneKey('killed', 0)]))[0]!.read()
    const left = await stored()
    expect(left).toMatchObject({ open: 2, trying: { seq: 2, attempts: 1 } })
    expect(await dropParked(back, 'killed', {}, { clock })).toBe(1)
    expect(await stored()).toEqual({ ...(left as object), parked: 0, owner: undefined })
    expect((await consumerStats(back, 'killed')).lanes[0]).toMatchObject({ seq: 1, attempts: 1, parked: 0 })
    calls.length = 0
    await using next = await consume(back, 'killed', { ...lane, attempts: 2, clock }, (changes, { attempt }) => {
      calls.push([changes.map(({ seq }) => seq), attempt])
    })
    await pass(clock, 500)
    await next.caughtUp()
    expect(calls).toEqual([
      [[2], 2],
      [[3], 1],
    ])
  })

  it('keeps later changes of a key behind what is parked, and no longer when that was dropped', async () => {
    const back = createMemoryBack()
    await commit(back, setting('k', 1))
    await parkAll(back, 'keyed', [1], { onFailure: 'parkKey' })
    await commit(back, setting('k', 2))
    await parkAll(back, 'keyed', [], { onFailure: 'parkKey' })
    expect(await parkedSeqs(back, 'keyed')).toEqual([1, 2])
    await dropParked(back, 'keyed')
    await commit(back, setting('k', 3))
    await parkAll(back, 'keyed', [], { onFailure: 'parkKey' })
    expect(await parkedSeqs(back, 'keyed')).toEqual([])
  })

  it('is asked for a replay, which whoever runs it next does before anything else', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 6)
    await parkAll(back, 'later', [2, 4], { lanes: 1 })
    expect(await replayParked(back, 'later')).toEqual({ replayed: 0, left: 0, waiting: 2 })
    expect(await parkedSeqs(back, 'later')).toEqual([2, 4])
    await commitNumbers(back, 1, 7)
    const seen: number[] = []
    await using consumer = await consume(back, 'later', { ...parking, lanes: 1 }, ({ seq }) => seen.push(seq))
    await consumer.caughtUp()
    expect(seen).toEqual([2, 4, 7])
    expect(await parkedSeqs(back, 'later')).toEqual([])
    await expectCounts(back, 'later')
  })

  it('holds no more than a page of what is listed', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 300)
    await parkAll(back, 'many', range(1, 300), { lanes: 1 })
    const scan = vi.spyOn(back.marks, 'scan')
    for await (const _ of parkedChanges(back, 'many')) break
    expect(scan).toHaveBeenCalledOnce()
    expect(scan.mock.calls[0]![1].limit).toBeLessThanOrEqual(50)
    expect(await dropParked(back, 'many')).toBe(300)
    await expectCounts(back, 'many')
  })
})

describe('a consumer that is not registered', () => {
  it('is told of, and not taken for one with nothing parked', async () => {
    const back = createMemoryBack()
    const told = { code: 'CONSUMER_DROPPED' }
    await expect(parkedChanges(back, 'none').next()).rejects.toMatchObject(told)
    await expect(dropParked(back, 'none')).rejects.toMatchObject(told)
    await expect(replayParked(back, 'none')).rejects.toMatchObject(told)
    await expect(consumerStats(back, 'none')).rejects.toMatchObject(told)
  })

  it('ends who waits for its owner', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const gate = deferred()
    const consumer = await consume(back, 'gone', { ...parking, lanes: 1, leaseMs: 500 }, async ({ seq }) => {
      if (seq === 1) throw new Error('no')
      await gate.promise
    })
    recordEvents(consumer)
    await consumer.caughtUp({ upTo: 1 })
    const asked = [replayParked(back, 'gone'), dropParked(back, 'gone')]
    const settled = Promise.allSettled(asked)
    await eventually('it is asked', async () => (await openRequestsOf(back, 'gone')) === 1)
    await dropConsumer(back, 'gone')
    for (const each of await settled)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'CONSUMER_DROPPED' })
    gate.resolve()
    await consumer.close()
  })

  it('refuses what makes no sense at once', async () => {
    const back = createMemoryBack()
    await parkAll(back, 'wrong', [])
    await expect(parkedChanges(back, 'wrong', { keys: [1] } as never).next()).rejects.toThrow(TypeError)
    await expect(dropParked(back, 'wrong', { seq: 0 })).rejects.toThrow(RangeError)
    await expect(replayParked(back, 'wrong', {}, { timeout: 1 } as never)).rejects.toThrow(TypeError)
    await expect(replayParked(back, 'wrong', {}, { signal: {} } as never)).rejects.toThrow(/option signal/)
  })
})
