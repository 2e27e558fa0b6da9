import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Fleet, type InstanceOptions, keyOf, useRedis, withFill } from './support/fleet.ts'
import { beforeReading, BOUND_MS, FROZEN, openFrozen, PAIR, pairOf, write, writeTagged } from './support/pairs.ts'
import { watchLog } from './support/watched-log.ts'

const redis = useRedis()

const WRITER = fileURLToPath(new URL('programs/writes-batches.ts', import.meta.url))

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
