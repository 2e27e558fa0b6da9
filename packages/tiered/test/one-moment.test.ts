import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Back } from '@tidemark/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Fleet, type Instance, type InstanceOptions, keyOf, useRedis, withFill } from './support/fleet.ts'

const redis = useRedis()

const WRITER = fileURLToPath(new URL('programs/writes-batches.ts', import.meta.url))

/** Far longer than a test takes: what is proven of Redis stays what it was when the test began. */
const BOUND_MS = 60_000
const PAIR = ['a', 'b'] as const
const FROZEN = { frontMaxStaleMs: BOUND_MS }

/** For which Redis is proven to include what it does now, and no more. */
async function openFrozen(fleet: Fleet, options: InstanceOptions = {}): Promise<Instance> {
  const instance = await fleet.open({ ...FROZEN, ...options })
  instance.front.inject(({ method }) => (method === 'look' ? 'drop-before' : undefined))
  // Behind one that was under way.
  await instance.redis.look()
  return instance
}

/** Both keys of a pair at once, as every writer here writes them. */
const write = ({ store }: Instance, value: number): Promise<unknown> =>
  store.setMany(PAIR.map((key) => [key, value] as const))

/** As {@link write}, one after the other; the first one carries a tag. */
async function writeTagged({ store }: Instance): Promise<void> {
  await store.set('a', 'old', { tags: ['T'] })
  await store.set('b', 'old')
}

async function pairOf({ store }: Instance, options?: Parameters<Instance['store']['getMany']>[1]): Promise<unknown[]> {
  const found = await store.getMany(PAIR, options)
  return PAIR.map((key) => found.get(key))
}

/** Something happens right before the back tier is asked for several keys, once. */
function beforeReading(back: Back, happens: () => Promise<unknown>): void {
  const read = back.read.bind(back)
  vi.spyOn(back, 'read').mockImplementationOnce(async (keys, options) => {
    await happens()
    return read(keys, options)
  })
}

/** How often the log is read for what this test does from now on. What runs by itself, as the tail does, is not counted. */
function watchLog({ back }: Instance): { readonly pages: number } {
  const watch = { pages: 0 }
  const thisTest = new AsyncLocalStorage<true>()
  thisTest.enterWith(true)
  const { log } = back
  const read = log.read.bind(log)
  log.read = (options) => {
    if (thisTest.getStore()) watch.pages++
    return read(options)
  }
  onTestFinished(() => void (log.read = read))
  return watch
}

describe('a commit between', () => {
  test('near memory and the back tier', async () => {
    const fleet = new Fleet()
    const [writer, reader] = [await fleet.open(), await fleet.open({ near: true })]
    await write(writer, 1)
    await reader.store.get('a')
    beforeReading(reader.back, () => write(writer, 2))
    expect(await pairOf(reader)).toEqual([2, 2])
  })

  test.each([
    ['near memory', { near: true }],
    ['Redis', FROZEN],
  ])('%s and the back tier: each key is counted once, where its answer is from', async (what, options) => {
    const fleet = new Fleet(what === 'Redis' ? redis.server : undefined)
    const writer = await fleet.open(options)
    const reader = await (what === 'Redis' ? openFrozen(fleet) : fleet.open(options))
    await write(writer, 1)
    if (what === 'Redis') await fleet.evict('b')
    else await reader.store.get('a')
    const front = what === 'Redis' ? 'redis' : 'near'
    const counted = (): readonly number[] => {
      const { reads, hits } = reader.tiers.tierStats()
      return [reads, hits[front] ?? 0, hits[reader.back.name] ?? 0]
    }
    const [reads, ofFront, ofBack] = counted()
    beforeReading(reader.back, () => write(writer, 2))
    expect(await pairOf(reader)).toEqual([2, 2])
    expect(counted()).toEqual([reads! + 2, ofFront, ofBack! + 2])
  })

  test('near memory and the back tier, of a deletion', async () => {
    const fleet = new Fleet()
    const [writer, reader] = [await fleet.open(), await fleet.open({ near: true })]
    await write(writer, 1)
    await reader.store.get('a')
    beforeReading(reader.back, () => writer.store.deleteMany(PAIR))
    expect(await pairOf(reader)).toEqual([undefined, undefined])
  })

  test.each([
    ['that near memory has not met yet', false],
    ['that near memory meets meanwhile', true],
  ])('near memory and Redis, %s', async (_when, isMet) => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = [await fleet.open(FROZEN), await openFrozen(fleet, { near: true, deaf: true })]
    await reader.store.get('c')
    await write(writer, 1)
    await reader.store.get('a')
    const held = reader.front.hold('read')
    const reading = pairOf(reader)
    await held.arrived()
    await write(writer, 2)
    // It follows the log when it is asked for what it holds.
    if (isMet) await reader.store.get('c')
    held.release()
    expect(await reading).toEqual([2, 2])
  })

  test('Redis and the back tier', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = [await fleet.open(FROZEN), await openFrozen(fleet)]
    await write(writer, 1)
    await fleet.evict('b')
    beforeReading(reader.back, () => write(writer, 2))
    expect(await pairOf(reader)).toEqual([2, 2])
  })

  test('two records of Redis, one of which was filled again before the commit reached it', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, filler, reader] = [await fleet.open(FROZEN), await fleet.open(FROZEN), await openFrozen(fleet)]
    await write(writer, 1)
    await fleet.evict('b')
    writer.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
    await write(writer, 2)
    await withFill(filler.front, () => filler.store.get('b'))
    expect(await pairOf(reader, { readPolicy: 'frontend-only' })).toEqual([1, 2])
    expect(await pairOf(reader)).toEqual([2, 2])
  })

  test('as many of Redis, where a look at the few changes since tells', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, filler] = [await fleet.open(FROZEN), await fleet.open(FROZEN)]
    const keys = [...PAIR, ...Array.from({ length: 8 }, (_, i) => `k${i}`)]
    await writer.store.setMany(keys.map((key) => [key, 1]))
    const reader = await openFrozen(fleet)
    const log = watchLog(reader)
    await fleet.evict('b')
    writer.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
    await write(writer, 2)
    await withFill(filler.front, () => filler.store.get('b'))
    const found = await reader.store.getMany(keys)
    expect(PAIR.map((key) => found.get(key))).toEqual([2, 2])
    expect([reader.back.keysRead, log.pages]).toEqual([10, 1])
  })

  test('what near memory holds by itself, where it lags behind the log, and what this process wrote', async () => {
    const fleet = new Fleet()
    const stale = { near: true, nearMaxStaleMs: BOUND_MS, deaf: true }
    const [writer, reader] = [await fleet.open(), await fleet.open(stale)]
    await write(writer, 1)
    expect(await pairOf(reader)).toEqual([1, 1])
    await write(writer, 2)
    expect(await pairOf(reader)).toEqual([1, 1])
    await reader.store.set('a', 3)
    expect(await pairOf(reader)).toEqual([3, 2])
  })

  test('a read that is under way and the one that joins it', async () => {
    const fleet = new Fleet()
    const [writer, reader] = [
      await fleet.open(),
      await fleet.open({ near: true, nearMaxStaleMs: BOUND_MS, deaf: true }),
    ]
    await write(writer, 1)
    const held = reader.back.holdReads()
    const first = reader.store.get('b')
    await held.executed()
    await write(writer, 2)
    const second = pairOf(reader)
    held.release()
    expect([await first, await second]).toEqual([1, [2, 2]])
  })

  test('asks the back tier for all of them, once, and fills what was outdated', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = [await fleet.open(FROZEN), await openFrozen(fleet, { near: true })]
    await write(writer, 1)
    await reader.store.getMany(['a'])
    await fleet.evict('b')
    beforeReading(reader.back, () => write(writer, 2))
    expect(await pairOf(reader)).toEqual([2, 2])
    // For the one that was not held, and then for both.
    expect([reader.back.reads, reader.back.keysRead]).toEqual([2, 3])
    expect(PAIR.map((key) => reader.near!.peek(keyOf(key).id)?.entry?.payload.read())).toEqual([2, 2])
  })

  test('never asks it where only the fronts may be asked', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = [await fleet.open(FROZEN), await openFrozen(fleet, { near: true })]
    await write(writer, 1)
    await reader.store.get('a')
    const held = reader.front.hold('read')
    const reading = pairOf(reader, { readPolicy: 'frontend-only' })
    await held.arrived()
    await write(writer, 2)
    held.release()
    // Each key by itself.
    expect(await reading).toEqual([1, 2])
    expect(reader.back.keysRead).toBe(0)
  })

  test('that invalidates a tag, which Redis has missed', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, cut] = [await fleet.open(FROZEN), await fleet.open(FROZEN)]
    await writeTagged(writer)
    const reader = await openFrozen(fleet)
    await withFill(reader.front, () => pairOf(reader))
    expect([await pairOf(reader), reader.back.keysRead]).toEqual([['old', 'old'], 1])
    cut.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
    await cut.store.invalidateTag('T')
    expect(await pairOf(reader)).toEqual(['old', 'old'])
    await writer.store.set('b', 'new')
    // Each key by itself.
    expect(await pairOf(reader, { readPolicy: 'frontend-only' })).toEqual(['old', 'new'])
    expect(await pairOf(reader)).toEqual([undefined, 'new'])
  })

  test('that invalidates a tag, which near memory has not met yet when this process writes', async () => {
    const fleet = new Fleet()
    const stale = { near: true, nearMaxStaleMs: BOUND_MS, deaf: true }
    const [writer, reader] = [await fleet.open(), await fleet.open(stale)]
    await writeTagged(writer)
    expect(await pairOf(reader)).toEqual(['old', 'old'])
    await writer.store.invalidateTag('T')
    expect(await pairOf(reader)).toEqual(['old', 'old'])
    await reader.store.set('b', 'new')
    expect(await pairOf(reader)).toEqual([undefined, 'new'])
  })

  test('of tags, over and over while they are looked for', async () => {
    const fleet = new Fleet(redis.server)
    const [writer, reader] = [await fleet.open(FROZEN), await openFrozen(fleet)]
    let n = 0
    /** Another tag each time: none that is asked for is that of what is there by then. */
    const replace = async (): Promise<void> => {
      n++
      await writer.store.setMany(PAIR.map((key) => [key, n, { tags: [`t${n}`] }] as const))
      await writer.store.invalidateTag(`t${n - 1}`)
    }
    await replace()
    const read = reader.tiers.read.bind(reader.tiers)
    const replaced = vi.spyOn(reader.tiers, 'read').mockImplementation(async (...args) => {
      await replace()
      return read(...args)
    })
    expect(await pairOf(reader)).toEqual([7, 7])
    expect(replaced).toHaveBeenCalledTimes(7)
  })

  test('is none of the history that a restore has ended', async () => {
    const fleet = new Fleet()
    const reader = await fleet.open({ near: true })
    await write(reader, 1)
    reader.near!.discardNow([keyOf('b').id])
    beforeReading(reader.back, () => reader.back.restored())
    expect(await pairOf(reader)).toEqual([1, 1])
    expect(reader.back.keysRead).toBe(3)
  })
})

/** What was written until then, Redis is proven to include for the reader; what is written later, it is not. */
async function behindOf(writer: Instance, fleet: Fleet, options: InstanceOptions = {}): Promise<Instance> {
  await write(writer, 1)
  await writer.store.set('c', 1)
  return openFrozen(fleet, options)
}

describe('costs nothing more', () => {
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

describe('another process that writes batches is never met half way', () => {
  test.each<[string, InstanceOptions]>([
    ['near memory', { near: { maxEntries: 2 }, redis: false }],
    ['near memory that may lag', { near: { maxEntries: 2 }, nearMaxStaleMs: 100, redis: false }],
    ['near memory and Redis', { near: { maxEntries: 2 } }],
    ['Redis', {}],
  ])('%s', async (_fronts, options) => {
    const keys = ['a', 'b', 'c']
    const hasRedis = options.redis !== false
    const fleet = new Fleet(hasRedis ? redis.server : undefined)
    const reader = await fleet.open(options)
    const args = [WRITER, fleet.file, fleet.namespace, fleet.server?.url ?? '', hasRedis ? '300' : '800', ...keys]
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    onTestFinished(() => void writer.kill('SIGKILL'))
    let isOver = false
    const over = once(writer, 'close').then(([code]) => ((isOver = true), code as number | null))
    const halves: unknown[] = []
    const seen = new Set<unknown>()
    for (let n = 0; !isOver; n++) {
      // Of each key, something else is known.
      if (n % 7 === 0) void reader.store.get(keys[n % 3]!)
      if (hasRedis && n % 5 === 0) await fleet.evict(keys[n % 3]!)
      const found = await reader.store.getMany(keys)
      const values = keys.map((key) => found.get(key))
      if (new Set(values).size > 1) halves.push(values)
      seen.add(values[0])
      if (n % 20 === 0) await setImmediate()
    }
    expect([await over, halves]).toEqual([0, []])
    expect(seen.size).toBeGreaterThan(10)
  })
})
