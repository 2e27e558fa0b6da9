import { createMemoryBack, type MemoryBack } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  consume,
  type Consumer,
  type ConsumerOptions,
  consumerStats,
  dropConsumer,
  dropParked,
  parkedChanges,
  type ParkedSelection,
  replayParked,
} from '../../src/index.ts'
import { laneKey, parkedOf, requestKey, requestsOf } from '../../src/consumers/consumer-keys.ts'
import { scanMarks } from '../../src/consumers/scan-marks.ts'
import { deferred } from '../support/deferred.ts'
import { recordEvents } from '../support/events.ts'
import { pass, settle } from '../support/passing.ts'
import { range } from '../support/reading.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'

beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

const options = { from: 'start', lanes: 4, attempts: 1, onFailure: 'park', backoff: { minMs: 1 } } as const

type AnyBack = Pick<MemoryBack, 'log' | 'leases' | 'marks' | 'codec'>

/** Handles none of these, and leaves. */
async function parkAll(back: MemoryBack, name: string, poison: readonly number[], other: ConsumerOptions = {}) {
  await using consumer = await consume(back, name, { ...options, ...other }, ({ seq }) => {
    if (poison.includes(seq)) throw new Error(`poison ${seq}`)
  })
  recordEvents(consumer)
  await consumer.caughtUp()
}

async function parkedSeqs(back: AnyBack, name: string, selection?: ParkedSelection): Promise<number[]> {
  const parked = await Array.fromAsync(parkedChanges(back, name, selection))
  return parked.map(({ change }) => change.seq).toSorted((a, b) => a - b)
}

/** What is counted is what is there. */
async function expectCounts(back: AnyBack, name: string): Promise<void> {
  const { lanes } = await consumerStats(back, name)
  for (const { lane, parked } of lanes)
    expect(await Array.fromAsync(scanMarks(back.marks, parkedOf(name, lane)))).toHaveLength(parked)
}

async function openRequestsOf(back: AnyBack, name: string): Promise<number> {
  return (await Array.fromAsync(scanMarks(back.marks, requestsOf(name)))).length
}

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
    const lane = { ...options, lanes: 1, leaseMs: 1_000, batch: 2 } as const
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
    await using consumer = await consume(back, 'later', { ...options, lanes: 1 }, ({ seq }) => seen.push(seq))
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

describe('a consumer that runs in other processes', () => {
  it('has its parked changes listed, replayed and dropped by these', async () => {
    await using store = await tempStore()
    const [theirs, ours] = [store.open(), store.open()]
    await commitNumbers(theirs, 8)
    let isBroken = true
    await using consumer = await consume(theirs, 'there', options, ({ seq }) => {
      if (seq % 2 === 0 && (isBroken || seq === 8)) throw new Error('no')
    })
    recordEvents(consumer)
    await consumer.caughtUp()
    expect(await parkedSeqs(ours, 'there')).toEqual([2, 4, 6, 8])
    const stats = await consumerStats(ours, 'there')
    expect(stats).toMatchObject({ members: 1, parked: 4, head: 8 })
    expect(stats.lanes.map(({ isHeld, owner }) => [isHeld, owner])).toEqual(
      range(1, 4).map(() => [true, theirs.origin]),
    )
    expect(await dropParked(ours, 'there', { seq: 2 })).toBe(1)
    isBroken = false
    expect(await replayParked(ours, 'there')).toEqual({ replayed: 2, left: 1, waiting: 0 })
    expect(await parkedSeqs(ours, 'there')).toEqual([8])
    expect(await consumer.stats()).toMatchObject({ parked: 1 })
    await expectCounts(ours, 'there')
    await consumer.close()
    expect((await consumerStats(ours, 'there')).lanes).toMatchObject(
      range(0, 3).map((lane) => ({ lane, isHeld: false, owner: undefined, lag: 0 })),
    )
  })

  it('is waited for until its lease ends, when it has died: then it is done here', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    const dead = new StoppableClock(clock)
    const hanging = deferred()
    await consume(back, 'died', { ...options, lanes: 1, leaseMs: 1_000, clock: dead }, async ({ seq }) => {
      if (seq === 3) await hanging.promise
      throw new Error('no')
    }).then(recordEvents)
    await settle()
    expect(await parkedSeqs(back, 'died')).toEqual([1, 2])
    dead.stop()
    let dropped: number | undefined
    const drop = dropParked(back, 'died', {}, { clock }).then((count) => (dropped = count))
    const replay = replayParked(back, 'died', { seq: 2 }, { clock, signal: AbortSignal.abort(new Error('no')) })
    await expect(replay).rejects.toThrow('no')
    await pass(clock, 800)
    expect(dropped).toBeUndefined()
    expect(await openRequestsOf(back, 'died')).toBe(2)
    await pass(clock, 400)
    await drop
    expect(dropped).toBe(2)
    expect(await openRequestsOf(back, 'died')).toBe(0)
    await expectCounts(back, 'died')
    // What it still had in hand counts for nothing: it has to take the lane anew, and finds it as it is now.
    hanging.resolve()
    await settle()
    expect(await parkedSeqs(back, 'died')).toEqual([3])
    await expectCounts(back, 'died')
  })

  it('is left with what was asked for, when the wait for it is given up', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const gate = deferred()
    await using consumer = await consume(back, 'busy', { ...options, lanes: 1 }, async ({ seq }) => {
      if (seq === 1) throw new Error('no')
      await gate.promise
    })
    recordEvents(consumer)
    await consumer.caughtUp({ upTo: 1 })
    const stop = new AbortController()
    const asked = [dropParked, replayParked].map((ask) => ask(back, 'busy', {}, { signal: stop.signal }))
    await eventually('it is asked', async () => (await openRequestsOf(back, 'busy')) === 1)
    stop.abort(new Error('enough'))
    for (const each of asked) await expect(each).rejects.toThrow('enough')
    await dropParked(back, 'busy', {}, { signal: stop.signal }).catch(() => {})
    expect(await openRequestsOf(back, 'busy')).toBe(1)
    gate.resolve()
    await eventually('it was answered', async () => (await openRequestsOf(back, 'busy')) === 0)
  })

  it.each(['from outside', 'by a member'])('drops what a replay under way leaves: %s', async (who) => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const [isAt, gate] = [deferred(), deferred()]
    let calls = 0
    await using consumer = await consume(back, 'racing', { ...options, lanes: 1 }, async () => {
      if (++calls === 2) {
        isAt.resolve()
        await gate.promise
      }
      throw new Error('no')
    })
    recordEvents(consumer)
    await consumer.caughtUp()
    const replay = replayParked(back, 'racing')
    await isAt.promise
    const write = vi.spyOn(back.marks, 'write')
    const drop = who === 'by a member' ? consumer.drop() : dropParked(back, 'racing')
    const { id } = requestKey('racing', 0, 1)
    await eventually('it is asked', () => write.mock.calls.some(([writes]) => writes.some(({ key }) => key.id === id)))
    gate.resolve()
    expect(await drop).toBe(1)
    await replay
    expect(await parkedSeqs(back, 'racing')).toEqual([])
    await expectCounts(back, 'racing')
  })
})

describe('who drops in a lane that nobody has', () => {
  it('writes nothing when he was held up for longer than his lease, and asks whoever has it now', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 2)
    await parkAll(back, 'paused', [1, 2], { lanes: 1 })
    const write = back.marks.write.bind(back.marks)
    const members: Consumer[] = []
    const errors: unknown[] = []
    vi.spyOn(back.marks, 'write').mockImplementation(async (writes, writeOptions) => {
      const isVisit = members.length === 0 && writes.some(({ key }) => key.id === laneKey('paused', 0).id)
      if (!isVisit) return write(writes, writeOptions)
      clock.advance(60_000)
      members.push(await consume(back, 'paused', { ...options, lanes: 1, clock }, () => {}))
      await pass(clock, 500)
      return write(writes, writeOptions).catch((error: unknown) => {
        errors.push(error)
        throw error
      })
    })
    const drop = dropParked(back, 'paused', {}, { clock })
    let isOver = false
    void drop.finally(() => (isOver = true))
    while (!isOver) await pass(clock, 100)
    expect(await drop).toBe(2)
    expect(errors).toMatchObject([{ code: 'LEASE_LOST' }])
    expect((await members[0]!.stats()).parked).toBe(0)
    await expectCounts(back, 'paused')
    await members[0]!.close()
  })

  it('keeps nobody from it for longer than that takes', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 4)
    await parkAll(back, 'shared', [1, 2, 3, 4], { lanes: 1 })
    const seen: number[] = []
    const [dropped, consumer] = await Promise.all([
      dropParked(back, 'shared'),
      consume(back, 'shared', { ...options, lanes: 1 }, ({ seq }) => seen.push(seq)),
    ])
    await commitNumbers(back, 1, 5)
    await consumer.caughtUp()
    expect([dropped, seen]).toEqual([4, [5]])
    await consumer.close()
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
    const consumer = await consume(back, 'gone', { ...options, lanes: 1, leaseMs: 500 }, async ({ seq }) => {
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
  })
})
