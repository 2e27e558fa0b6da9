import { createMemoryBack } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume, type Consumer, consumerStats, dropParked, replayParked } from '../../src/index.ts'
import { laneKey, requestKey } from '../../src/consumers/consumer-keys.ts'
import { deferred } from '../support/deferred.ts'
import { recordEvents } from '../support/events.ts'
import { pass, settle } from '../support/passing.ts'
import { range } from '../support/reading.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { tempStore } from '../support/temp-store.ts'
import { commitNumbers } from '../support/writing.ts'
import { expectCounts, openRequestsOf, parkAll, parkedSeqs, parking } from '../support/dead-letters.ts'

beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

describe('a consumer that runs in other processes', () => {
  it('has its parked changes listed, replayed and dropped by these', async () => {
    await using store = await tempStore()
    const [theirs, ours] = [store.open(), store.open()]
    await commitNumbers(theirs, 8)
    let isBroken = true
    await using consumer = await consume(theirs, 'there', parking, ({ seq }) => {
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
    await consume(back, 'died', { ...parking, lanes: 1, leaseMs: 1_000, clock: dead }, async ({ seq }) => {
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
    await using consumer = await consume(back, 'busy', { ...parking, lanes: 1 }, async ({ seq }) => {
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
    await using consumer = await consume(back, 'racing', { ...parking, lanes: 1 }, async () => {
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
      members.push(await consume(back, 'paused', { ...parking, lanes: 1, clock }, () => {}))
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
      consume(back, 'shared', { ...parking, lanes: 1 }, ({ seq }) => seen.push(seq)),
    ])
    await commitNumbers(back, 1, 5)
    await consumer.caughtUp()
    expect([dropped, seen]).toEqual([4, [5]])
    await consumer.close()
  })
})
