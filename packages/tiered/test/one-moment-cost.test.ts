import { describe, expect, test } from 'vitest'
import { Fleet, type Instance, type InstanceOptions, useRedis, withFill } from './support/fleet.ts'
import { beforeReading, FROZEN, openFrozen, PAIR, pairOf, write, writeTagged } from './support/pairs.ts'
import { watchLog } from './support/watched-log.ts'

const redis = useRedis()

/** What was written until then, Redis is proven to include for the reader; what is written later, it is not. */
async function behindOf(writer: Instance, fleet: Fleet, options: InstanceOptions = {}): Promise<Instance> {
  await write(writer, 1)
  await writer.store.set('c', 1)
  return openFrozen(fleet, options)
}

describe('several keys of one moment cost nothing more', () => {
  test('where nothing was written: all from Redis, some from near memory, then all from there', async () => {
    const fleet = new Fleet(redis.server)
    const reader = await behindOf(await fleet.open(FROZEN), fleet, { near: true })
    const log = watchLog(reader)
    await fleet.raw.config('RESETSTAT')
    expect(await pairOf(reader)).toEqual([1, 1])
    expect((await reader.store.getMany([...PAIR, 'c'])).size).toBe(3)
    expect((await reader.store.getMany([...PAIR, 'c'])).size).toBe(3)
    expect([reader.back.keysRead, log.pages]).toEqual([0, 0])
    expect(await fleet.raw.info('commandstats')).toMatch(/cmdstat_mget:calls=2,/)
  })

  test('where Redis lacks some of it, and something else is written before the back tier is asked', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open(FROZEN)
    const reader = await behindOf(writer, fleet)
    await fleet.evict('b')
    const log = watchLog(reader)
    beforeReading(reader.back, () => writer.store.set('c', 2))
    expect(await pairOf(reader)).toEqual([1, 1])
    expect([reader.back.keysRead, log.pages]).toEqual([1, 0])
  })

  test('than a look at the few changes since, where none of them is of these keys', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open(FROZEN)
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`)
    await writer.store.setMany(keys.map((key) => [key, 1]))
    const reader = await behindOf(writer, fleet)
    await writer.store.setMany([
      ['k3', 2],
      ['c', 2],
      ['k5', 2],
    ])
    const log = watchLog(reader)
    const found = await reader.store.getMany(keys)
    expect(keys.map((key) => found.get(key))).toEqual([1, 1, 1, 2, 1, 2, 1, 1, 1, 1])
    expect([reader.back.keysRead, log.pages]).toEqual([0, 1])
  })

  test('than a look at more changes than keys, as long as that is cheaper', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open(FROZEN)
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    await writer.store.setMany(keys.map((key) => [key, 1]))
    const reader = await behindOf(writer, fleet)
    const others = (count: number): Promise<unknown> =>
      writer.store.setMany(Array.from({ length: count }, (_, i) => [['other', i], 1] as const))
    await others(60)
    await writer.store.set('k0', 2)
    const log = watchLog(reader)
    expect((await reader.store.getMany(keys)).get('k0')).toBe(2)
    expect([reader.back.keysRead, log.pages]).toEqual([0, 1])
    await others(60)
    await writer.store.set('k0', 3)
    expect((await reader.store.getMany(keys)).get('k0')).toBe(3)
    expect([reader.back.keysRead, log.pages]).toEqual([20, 1])
  })

  test('than all of them from the back tier at once, where the changes since are many', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open(FROZEN)
    const reader = await behindOf(writer, fleet)
    for (let i = 2; i <= 20; i++) await writer.store.set('a', i)
    const log = watchLog(reader)
    expect(await pairOf(reader)).toEqual([20, 1])
    expect([reader.back.reads, reader.back.keysRead, log.pages]).toEqual([1, 2, 0])
  })

  test('where near memory has followed all that was written since', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open(FROZEN)
    const reader = await behindOf(writer, fleet, { near: true })
    for (let i = 2; i <= 4; i++) await writer.store.set('a', i)
    const log = watchLog(reader)
    expect(await pairOf(reader)).toEqual([4, 1])
    expect([reader.back.keysRead, log.pages]).toEqual([0, 0])
  })

  test('for two that are read by each of many at once', async () => {
    const fleet = new Fleet(redis.server)
    const reader = await behindOf(await fleet.open(FROZEN), fleet, { near: { maxEntries: 1 } })
    const log = watchLog(reader)
    await fleet.raw.config('RESETSTAT')
    const all = await Promise.all(Array.from({ length: 50 }, () => pairOf(reader)))
    expect(new Set(all.map((pair) => pair.join()))).toEqual(new Set(['1,1']))
    expect([reader.back.keysRead, log.pages]).toEqual([0, 0])
    expect(await fleet.raw.info('commandstats')).toMatch(/cmdstat_mget:calls=1,/)
  })

  test('nor for their tags', async () => {
    const fleet = new Fleet(redis.server)
    const writer = await fleet.open(FROZEN)
    await writeTagged(writer)
    await withFill(writer.front, () => pairOf(writer))
    const reader = await openFrozen(fleet, { near: { maxEntries: 1 } })
    await fleet.raw.config('RESETSTAT')
    const all = await Promise.all(Array.from({ length: 50 }, () => pairOf(reader)))
    expect(new Set(all.map((pair) => pair.join()))).toEqual(new Set(['old,old']))
    expect(reader.back.keysRead).toBe(0)
    expect(await fleet.raw.info('commandstats')).toMatch(/cmdstat_mget:calls=2,/)
  })
})
