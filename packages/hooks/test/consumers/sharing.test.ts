import { type Clock, createMemoryBack, type MemoryBack } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { consume, type Consumer, type ConsumerOptions } from '../../src/index.ts'
import { laneKey } from '../../src/consumers/consumer-keys.ts'
import { shareOf } from '../../src/consumers/membership.ts'
import { deferred } from '../support/deferred.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { pass, settle } from '../support/passing.ts'
import { range } from '../support/reading.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { commitNumbers } from '../support/writing.ts'

const LEASE_MS = 3_000

async function owned(consumer: Consumer): Promise<number[]> {
  return (await consumer.stats()).lanes.filter((lane) => lane.owned).map(({ lane }) => lane)
}

function member(back: MemoryBack, clock: Clock, options: ConsumerOptions = {}, seen: number[] = []): Promise<Consumer> {
  return consume(back, 'shared', { from: 'start', lanes: 8, leaseMs: LEASE_MS, clock, ...options }, ({ seq }) => {
    seen.push(seq)
  })
}

describe('the lanes of a consumer', () => {
  it('are shared out fairly, by whatever number of members', () => {
    for (let lanes = 1; lanes <= 20; lanes++) {
      for (let count = 1; count <= 24; count++) {
        const members = range(1, count).map(String)
        const shares = members.map((id) => shareOf(lanes, members, id))
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(lanes)
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
      }
    }
  })

  it('move to members that join, and back at once when these leave in good order', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    const first = await member(back, clock)
    await settle()
    expect(await owned(first)).toEqual(range(0, 7))
    const second = await member(back, clock)
    const third = await member(back, clock)
    await pass(clock, 1_000)
    const lanes = await Promise.all([first, second, third].map(owned))
    expect(lanes.map(({ length }) => length).toSorted((a, b) => a - b)).toEqual([2, 3, 3])
    expect(lanes.flat().toSorted((a, b) => a - b)).toEqual(range(0, 7))
    expect((await first.stats()).members).toBe(3)
    const closing = second.close()
    await settle()
    await closing
    await third.close()
    // Far less than a lease.
    await pass(clock, 300)
    expect(await owned(first)).toEqual(range(0, 7))
    await first.close()
  })

  it('wait for the batch in hand before they move', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 40)
    const gate = deferred()
    const running: number[] = []
    const first = await consume(
      back,
      'shared',
      { from: 'start', lanes: 2, leaseMs: LEASE_MS, clock },
      async ({ seq }) => {
        running.push(seq)
        await gate.promise
      },
    )
    await settle()
    expect(running).toHaveLength(2)
    const seen: number[] = []
    const second = await member(back, clock, { lanes: 2 }, seen)
    // Its lease is renewed as long as the handler takes.
    await pass(clock, 2 * LEASE_MS, 200)
    expect(await owned(second)).toEqual([])
    expect(await owned(first)).toEqual([0, 1])
    gate.resolve()
    await pass(clock, 500)
    expect(await owned(second)).toHaveLength(1)
    await eventually('all seen', () => running.length + seen.length === 40)
    expect([...running, ...seen].toSorted((a, b) => a - b)).toEqual(range(1, 40))
    await Promise.all([first.close(), second.close()])
  })

  it('are taken over when their leases end, and not before; what a stopped owner has in hand counts for nothing', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    const stopped = new StoppableClock(clock)
    const gate = deferred()
    const fences: number[] = []
    const first = await consume(
      back,
      'shared',
      { from: 'start', lanes: 1, leaseMs: LEASE_MS, clock: stopped, transaction: true, prefix: 'n' },
      async ({ seq }, { tx, fence }) => {
        fences.push(fence)
        tx.set(['by', seq], 'first')
        await gate.promise
      },
    )
    const events = recordEvents(first)
    await settle()
    expect(fences).toHaveLength(1)
    stopped.stop()
    const second = await consume(
      back,
      'shared',
      { lanes: 1, leaseMs: LEASE_MS, clock, transaction: true, prefix: 'n' },
      async ({ seq }, { tx, fence }) => {
        fences.push(fence)
        tx.set(['by', seq], 'second')
      },
    )
    await pass(clock, LEASE_MS - 100)
    expect(await owned(second)).toEqual([])
    await pass(clock, 500)
    expect(await owned(second)).toEqual([0])
    expect(fences).toHaveLength(4)
    expect(fences[1]).toBeGreaterThan(fences[0]!)
    const head = await back.log.head()
    gate.resolve()
    await settle()
    stopped.goOn()
    await pass(clock, 500)
    expect(kindsOf(events)).toContain('lane-lost')
    expect(await back.log.head()).toBe(head)
    const rows = (await back.log.read({ after: 3, limit: 100 })).changes
    expect(rows.map(({ payload }) => payload!.read())).toEqual(['second', 'second', 'second'])
    await Promise.all([first.close(), second.close()])
  })

  it('tell the handler when the lease is lost', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 1)
    const reason = Promise.withResolvers<unknown>()
    const seen: number[] = []
    let calls = 0
    const consumer = await consume(
      back,
      'shared',
      { from: 'start', lanes: 1, leaseMs: LEASE_MS, clock },
      async ({ seq }, { signal }) => {
        seen.push(seq)
        if (++calls > 1) return
        signal.addEventListener('abort', () => reason.resolve(signal.reason))
        await new Promise(() => {})
      },
    )
    await settle()
    // Leases end with a restore, for instance.
    const { bytes } = laneKey('shared', 0)
    await Promise.all([back.leases.endRange({ start: bytes, end: undefined }), settle()])
    await pass(clock, LEASE_MS)
    expect(await reason.promise).toMatchObject({ code: 'LEASE_LOST' })
    await pass(clock, 500)
    expect(seen).toEqual([1, 1])
    await consumer.close()
  })

  it('find back to a member that others took for dead', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    const stopped = new StoppableClock(clock)
    const first = await member(back, stopped)
    await settle()
    stopped.stop()
    const second = await member(back, clock)
    await pass(clock, LEASE_MS + 500)
    expect(await owned(second)).toEqual(range(0, 7))
    expect((await second.stats()).members).toBe(1)
    stopped.goOn()
    await pass(clock, LEASE_MS)
    expect((await owned(first)).length).toBe(4)
    expect((await owned(second)).length).toBe(4)
    await Promise.all([first.close(), second.close()])
  })
})
