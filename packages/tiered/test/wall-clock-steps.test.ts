import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, type Instance, type InstanceOptions, serving, useRedis, withFill } from './support/fleet.ts'
import { WallClock } from './support/wall-clock.ts'

const redis = useRedis()

const HOUR = 3_600_000
/** How long a front holds an entry goes by the wall clock as well, and is not what is looked at here. */
const LASTING_MS = 100 * HOUR
const STEPS = [HOUR, -2 * HOUR, HOUR]

async function opened(fleet: Fleet, options: InstanceOptions): Promise<Instance> {
  const instance = await fleet.open(options)
  if (options.redis !== false) await serving(instance)
  return instance
}

describe.each<[what: string, tier: string, options: InstanceOptions]>([
  ['strict near memory', 'near', { near: { ttlMs: LASTING_MS }, deaf: true, redis: false }],
  // A bound that a busy machine does not trip.
  ['Redis', 'redis', { frontMaxStaleMs: 30_000, redis: { ttlMs: LASTING_MS } }],
])('the wall clock steps: %s', (_what, tier, options) => {
  test('of who reads, or of who writes: what is read is as fresh as before, and from the same tier', async () => {
    const fleet = new Fleet(redis.server)
    const clocks = [new WallClock(), new WallClock()] as const
    const [writer, reader] = await Promise.all([
      opened(fleet, { ...options, clock: clocks[0] }),
      opened(fleet, { ...options, clock: clocks[1] }),
    ])
    let value = 0
    const check = async (): Promise<void> => {
      await writer.store.set('k', ++value)
      expect(await reader.store.get('k')).toBe(value)
      const hits = reader.tiers.tierStats().hits[tier] ?? 0
      expect(await reader.store.get('k')).toBe(value)
      expect(reader.tiers.tierStats().hits[tier]).toBe(hits + 1)
      await writer.store.delete('gone')
      expect(await reader.store.get('gone')).toBeUndefined()
      await writer.store.set('gone', value)
      expect(await reader.store.get('gone')).toBe(value)
    }
    await check()
    for (const clock of clocks) {
      for (const step of STEPS) {
        clock.step(step)
        await check()
      }
    }
    expect(reader.events).toEqual([])
  })

  test('an entry ends by the clock of who reads', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new WallClock()
    const [writer, reader] = await Promise.all([opened(fleet, options), opened(fleet, { ...options, clock })])
    for (const [key, step, seen] of [
      ['ahead', HOUR, undefined],
      ['behind', -HOUR, 1],
    ] as const) {
      await writer.store.set(key, 1, { ttlMs: HOUR / 2 })
      expect(await reader.store.get(key)).toBe(1)
      clock.step(step)
      expect(await reader.store.get(key)).toBe(seen)
      expect(await reader.store.get(key, { consistency: 'linearizable' })).toBe(seen)
      expect(await writer.store.get(key)).toBe(1)
      clock.step(-step)
    }
  })
})

test('the wall clock steps: near memory with a bound serves what was replaced for no longer than that', async () => {
  const fleet = new Fleet()
  const clock = new ManualClock(Date.now())
  const writer = await fleet.open()
  const reader = await fleet.open({ near: { clock, ttlMs: LASTING_MS }, deaf: true, nearMaxStaleMs: 100, clock })
  for (const [i, step] of STEPS.entries()) {
    await writer.store.set('k', `${i} old`)
    clock.advance(100)
    expect(await reader.store.get('k')).toBe(`${i} old`)
    await writer.store.set('k', `${i} new`)
    clock.step(step)
    clock.advance(99)
    expect(await reader.store.get('k')).toBe(`${i} old`)
    clock.advance(1)
    expect(await reader.store.get('k')).toBe(`${i} new`)
  }
})

describe('what a reader found ended because his clock was ahead', () => {
  test('near memory goes on to find nothing when it is set right, until somebody writes', async () => {
    const fleet = new Fleet()
    const clock = new WallClock()
    const [writer, reader] = await Promise.all([fleet.open(), fleet.open({ near: true, clock })])
    await writer.store.set('k', 1, { ttlMs: HOUR / 2 })
    clock.step(HOUR)
    expect(await reader.store.get('k')).toBeUndefined()
    clock.step(-HOUR)
    expect(await reader.store.get('k')).toBeUndefined()
    expect(await reader.store.get('k', { consistency: 'linearizable' })).toBe(1)
    await writer.store.set('k', 2, { ttlMs: HOUR / 2 })
    expect(await reader.store.get('k')).toBe(2)
  })

  test('others find nothing in Redis either, where it did not hold the entry, for as long as it holds that', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new WallClock()
    const bound = { frontMaxStaleMs: 30_000 }
    const [writer, ahead] = await Promise.all([fleet.open(bound), fleet.open({ ...bound, redis: {}, clock })])
    await serving(ahead)
    await writer.store.set('k', 1, { ttlMs: HOUR / 2, writePolicy: 'write-around' })
    clock.step(HOUR)
    expect(await withFill(ahead.front, () => ahead.store.get('k'))).toBeUndefined()
    expect(await writer.store.get('k')).toBeUndefined()
    expect(await fleet.raw.pttl((await fleet.recordName('k'))!)).toBeLessThanOrEqual(10_000)
    expect(await writer.store.get('k', { consistency: 'linearizable' })).toBe(1)
    await writer.store.set('k', 2, { ttlMs: HOUR / 2 })
    expect(await writer.store.get('k')).toBe(2)
  })
})
