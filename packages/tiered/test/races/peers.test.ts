import { type Key, type LogChange, Store, StoreKey } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { heldIn, Fleet, keyOf, useRedis, withFill, serving } from '../support/fleet.ts'
import { late } from '../support/late.ts'
import { WallClock } from '../support/wall-clock.ts'

// The bugs of peers that are races or faults, in the form that they take without loaders and tags. Here a load is a read
// that goes down to the back tier.

const redis = useRedis()

describe('reads under way while something changes', () => {
  test('peers 1: an invalidation between the read of Redis and the fill of near memory is not lost', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true })])
    await a.store.set('k', 'v1')
    const reply = b.front.hold('read', 'after')
    const reading = b.store.get('k')
    await reply.arrived()
    await a.store.set('k', 'v2')
    // The follower hears of it by itself, as it would of an invalidation.
    await eventually('b has followed', () => b.near!.watermark === 2)
    reply.release()
    await reading
    expect(await b.store.get('k')).toBe('v2')
  })

  test.each([true, false])(
    'peers 2: a delete during a load is not undone when the load ends (near: %s)',
    async (near) => {
      const fleet = new Fleet(redis.server)
      const [a, c] = await Promise.all([fleet.open({ near }), fleet.open()])
      await a.store.set('k', 'v1', { writePolicy: 'write-around' })
      const load = a.back.holdReads()
      const loading = a.store.get('k')
      await load.executed()
      await a.store.delete('k')
      await withFill(a.front, async () => {
        load.release()
        await loading
      })
      expect(await a.store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
      expect(await a.store.get('k')).toBeUndefined()
      expect(await c.store.get('k')).toBeUndefined()
    },
  )

  test.each([true, false])('peers 3: a load that ends late does not replace a newer set (near: %s)', async (near) => {
    const fleet = new Fleet(redis.server)
    const [a, c] = await Promise.all([fleet.open({ near }), fleet.open()])
    await a.store.set('k', 'v1', { writePolicy: 'write-around' })
    const fill = late(a.front, 'fill')
    const load = a.back.holdReads()
    const loading = a.store.get('k')
    await load.executed()
    await a.store.set('k', 'v2')
    load.release()
    await loading
    await fill.sent
    await a.store.set('k', 'v3')
    await fill.arrive()
    expect(await a.store.get('k')).toBe('v3')
    expect(await c.store.get('k', { readPolicy: 'frontend-only' })).toBe('v3')
  })

  test('peers 6: twenty stores over one tiered back load a key once', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ near: true })
    await a.store.setMany(
      [
        ['x', 1],
        ['y', 2],
      ],
      { writePolicy: 'write-around' },
    )
    const stores = Array.from({ length: 20 }, () => new Store(a.tiers))
    const load = a.back.holdReads()
    const first = stores.slice(0, 10).map((store) => store.get('x'))
    await load.executed()
    // Of later turns, one by one and together: what is under way is joined.
    const second = stores.slice(10, 15).map((store) => store.get('x'))
    const many = stores.slice(15).map((store) => store.getMany(['x', 'y']))
    await load.executed(2)
    load.release()
    expect(await Promise.all([...first, ...second])).toEqual(Array.from({ length: 15 }, () => 1))
    for (const found of await Promise.all(many)) expect([found.get('x'), found.get('y')]).toEqual([1, 2])
    expect(a.back.keysRead).toBe(2)
  })

  test('peers 6: a load that began before a change is not joined after it', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true })])
    await a.store.setMany(
      [
        ['x', 1],
        ['y', 1],
      ],
      { writePolicy: 'write-around' },
    )
    const load = b.back.holdReads()
    const early = [b.store.get('x'), b.store.getMany(['y'])]
    await load.executed(2)
    await a.store.setMany(
      [
        ['x', 2],
        ['y', 2],
      ],
      { writePolicy: 'write-around' },
    )
    const [x, y] = [b.store.get('x'), b.store.getMany(['y'])]
    await load.executed(4)
    load.release()
    await Promise.all(early)
    expect(await x).toBe(2)
    expect((await y).get('y')).toBe(2)
  })

  test.each([true, false])('peers 6: nor after a change of its own (near: %s)', async (near) => {
    const a = await new Fleet(redis.server).open({ near, writePolicy: 'write-around' })
    await a.store.set('k', 1)
    const load = a.back.holdReads()
    const early = a.store.get('k')
    await load.executed()
    await a.store.set('k', 2)
    const later = a.store.get('k')
    await load.executed(2)
    load.release()
    await early
    expect(await later).toBe(2)
  })

  test('peers 17: an expired entry that is read or swept does not take a fresh one with it', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new WallClock()
    const options = { near: true, clock } as const
    const [a, b] = await Promise.all([fleet.open(options), fleet.open(options)])
    await a.store.set('k', 'short', { ttlMs: 1_000 })
    expect(await b.store.get('k')).toBe('short')
    clock.step(2_000)
    const fill = late(b.front, 'fill')
    const load = b.back.holdReads()
    const reading = b.store.get('k')
    await load.executed()
    await a.store.set('k', 'fresh')
    load.release()
    expect(await reading).toBeUndefined()
    await fill.sent
    await fill.arrive()
    expect((await b.tiers.expire(10)).changes).toEqual([])
    for (const { store } of [a, b, await fleet.open()]) expect(await store.get('k')).toBe('fresh')
  })
})

describe('hints that are lost', () => {
  test('peers 4: an instance that hears of nothing does not serve what was replaced', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const deaf = await fleet.open({ near: true, deaf: true })
    await a.store.set('k', 'v1')
    expect(await deaf.store.get('k')).toBe('v1')
    await a.store.set('k', 'v2')
    expect(await deaf.store.get('k')).toBe('v2')
    expect((await deaf.store.getMany(['k'])).get('k')).toBe('v2')
  })

  test.each(['write-through', 'write-around'] as const)(
    'peers 5: a change that the shared front did not take is told, and does not come back (%s)',
    async (writePolicy) => {
      const fleet = new Fleet(redis.server)
      const [a, b, c] = await Promise.all([
        fleet.open({ writePolicy }),
        fleet.open({ near: true, writePolicy }),
        fleet.open(),
      ])
      await a.store.setMany(
        [
          ['gone', 'v1'],
          ['k', 'v1'],
        ],
        { writePolicy: 'write-through' },
      )
      await Promise.all(['gone', 'k'].map((key) => b.store.get(key)))
      a.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
      const deleted = await a.store.delete('gone')
      expect(deleted).toMatchObject({ deleted: true, tiers: [{ tier: 'redis', outcome: 'failed' }] })
      expect(await a.store.set('k', 'v2')).toMatchObject({ tiers: [{ outcome: 'failed' }] })
      // Once, until a call has succeeded; each write's own result tells of it too.
      expect(a.events).toMatchObject([{ type: 'front-failed', tier: 'redis', call: 'apply' }])
      // Redis still holds what was replaced; neither who knows nor who follows the log believes it.
      expect((await heldIn(c.front, [keyOf('k')]))[0]?.entry?.version).toBe(2)
      // B first: what A reads from the back tier fills Redis, and repairs it.
      for (const { store } of [b, a]) {
        expect(await store.get('gone')).toBeUndefined()
        expect(await store.get('k')).toBe('v2')
      }
      a.front.inject(undefined)
      const { version } = (await b.store.entry('k'))!
      await eventually('it is repaired', async () => ((await c.front.look()).watermark ?? 0) >= version)
      expect(await c.store.get('gone')).toBeUndefined()
      expect(await c.store.get('k')).toBe('v2')
    },
  )

  test('peers 14: clear() and the delete of what the deleter never read reach every instance', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open({ near: true }), fleet.open({ near: true }), fleet.open()])
    await a.store.setMany(['x', 'y', 'z'].map((key) => [key, key] as const))
    const cold = await fleet.open({ near: true })
    expect((await b.store.getMany(['x', 'y', 'z'])).size).toBe(3)
    expect(await cold.store.delete('x')).toMatchObject({ deleted: true })
    for (const { store } of [a, b, c]) expect(await store.get('x')).toBeUndefined()
    expect(await cold.store.clear()).toEqual({ deleted: 2 })
    for (const { store } of [a, b, c, cold]) expect((await store.getMany(['x', 'y', 'z'])).size).toBe(0)
    expect(await c.store.get('y', { readPolicy: 'frontend-only' })).toBeUndefined()
  })

  test('peers 10: clear() empties what every front holds', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open({ near: true }), fleet.open({ near: true })])
    await a.store.setMany(Array.from({ length: 1_200 }, (_, i) => [['n', i], i] as const))
    await b.store.getMany(Array.from({ length: 1_200 }, (_, i) => ['n', i] as const))
    expect(await a.store.clear({ prefix: 'n' })).toEqual({ deleted: 1_200 })
    const read = await b.store.getMany(
      Array.from({ length: 1_200 }, (_, i) => ['n', i] as const),
      { readPolicy: 'frontend-only' },
    )
    expect(read.size).toBe(0)
    expect(await fleet.raw.keys(`*${fleet.namespace}*"n"*`)).toEqual([])
  })
})

describe('what is stored', () => {
  test('peers 9: a damaged record is a miss of its own key, and of no other', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open()])
    await a.store.setMany(['x', 'y', 'z'].map((key) => [key, { key }] as const))
    const [x, y] = [(await fleet.recordName('x'))!, (await fleet.recordName('y'))!]
    await fleet.raw.set(x, 'garbage')
    // The header is whole, the value is not.
    const record = (await fleet.raw.getBuffer(y))!
    await fleet.raw.set(y, record.fill(0xff, record.length - 4))
    expect(await b.store.getMany(['x', 'y', 'z'])).toHaveProperty('size', 3)
    expect(await b.store.get('x')).toEqual({ key: 'x' })
    expect(await b.store.get('y')).toEqual({ key: 'y' })
    expect(await b.store.get('z')).toEqual({ key: 'z' })
    expect(b.redis.status).toBe('ready')
    expect(b.tiers.tierStats().hits['redis']).toBeGreaterThanOrEqual(2)
    expect(b.events).toEqual([])
  })

  test('peers 11: keys whose hashes are equal are different keys in every tier', async () => {
    const fleet = new Fleet(redis.server)
    // However long a busy machine keeps Redis from being looked at: `frontend-only` reads nothing that is not proven.
    const bound = { frontMaxStaleMs: 60_000 }
    const [a, b] = await Promise.all([fleet.open({ ...bound, near: true }), fleet.open(bound)])
    const byHash = new Map<number, number>()
    let pair: readonly [number, number] | undefined
    for (let i = 0; pair === undefined; i++) {
      const hash = fnv1a(keyOf(['user', i]).id)
      const other = byHash.get(hash)
      if (other !== undefined) pair = [other, i]
      byHash.set(hash, i)
    }
    const [one, two] = pair
    await a.store.set(['user', one], 'one')
    expect(await a.store.get(['user', two])).toBeUndefined()
    expect(await b.store.get(['user', two])).toBeUndefined()
    await a.store.set(['user', two], 'two')
    for (const { store } of [a, b]) {
      expect(await store.get(['user', one], { readPolicy: 'frontend-only' })).toBe('one')
      expect(await store.get(['user', two], { readPolicy: 'frontend-only' })).toBe('two')
    }
  })

  test('peers 12: 0, false, the empty string and null are values in the shared tier', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true })])
    const values = { zero: 0, false: false, empty: '', null: null, nan: Number.NaN }
    await a.store.setMany(Object.entries(values))
    for (const [key, value] of Object.entries(values)) {
      expect(await b.store.get(key)).toBe(value)
      expect(await b.store.has(key)).toBe(true)
    }
    expect(b.back.keysRead).toBe(0)
  })

  test('peers 16: what was filled from below ends when the entry or the record below ends', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new WallClock()
    const b = await fleet.open({ near: { jitter: 0 }, clock, redis: { clock, ttlMs: 60_000, jitter: 0 } })
    await serving(b)
    const a = await fleet.open({ clock, redis: { clock, ttlMs: 60_000, jitter: 0 } })
    await serving(a)
    const frontends = { readPolicy: 'frontend-only' } as const
    await a.store.set('short', 1, { ttlMs: 400 })
    await a.store.set('long', 1)
    clock.step(300)
    expect(await b.store.get('short')).toBe(1)
    expect(b.tiers.peek(keyOf('short').id)).toMatchObject({ tier: 'near' })
    clock.step(99)
    expect(await b.store.get('short', frontends)).toBe(1)
    clock.step(1)
    expect(await b.store.get('short', frontends)).toBeUndefined()
    expect(await b.store.get('short')).toBeUndefined()
    // Redis holds `long` for a minute from the write on: near memory, which would for a minute from the fill on, does not.
    clock.step(59_000)
    expect(await b.store.get('long', frontends)).toBe(1)
    clock.step(700)
    expect(await b.store.get('long', frontends)).toBeUndefined()
    expect(b.back.keysRead).toBe(1)
  })

  test('peers 18: keys do not collide, values keep their type, and bulk writes are changes one by one', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open({ near: true }), fleet.open()])
    const changes: LogChange[] = []
    a.tiers.onCommit((commits) => changes.push(...commits.flatMap((commit) => commit.changes)))
    const keys: Key[] = ['q?x=1', 'q?x=2', 'a/b', 'a:b', ['a', 'b'], ['a/b'], ['a', '/b'], 1, '1', ['1', ''], '']
    const distinct = [...new Map(keys.map((key) => [StoreKey.of(key).id, key])).values()]
    expect(distinct).toHaveLength(keys.length - 1)
    await a.store.setMany(distinct.map((key, i) => [key, `value ${i}`] as const))
    expect(changes.map((change) => change.seq)).toEqual(distinct.map((_, i) => i + 1))
    for (const { store } of [a, b]) {
      for (const [i, key] of distinct.entries()) {
        expect(await store.get(key, { readPolicy: 'frontend-only' })).toBe(`value ${i}`)
      }
    }
    await a.store.deleteMany(distinct.slice(0, 3))
    expect(changes.slice(distinct.length).map(({ op, key }) => [op, key.tuple])).toEqual(
      distinct.slice(0, 3).map((key) => ['delete', StoreKey.of(key).tuple]),
    )
    await a.store.set('text', '83528e0696')
    expect(await b.store.get('text')).toBe('83528e0696')
  })
})

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
