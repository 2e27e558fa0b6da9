import { describe, expect, test } from 'vitest'
import { createMemoryBack } from '@tidemark/core'
import { createTiered, type ReadPolicy, type WritePolicy } from '../src/index.ts'
import {
  heldIn,
  Fleet,
  type Instance,
  type InstanceOptions,
  keyOf,
  useRedis,
  withFill,
  serving,
} from './support/fleet.ts'
import { watchStatements } from './support/statements.ts'
import { WallClock } from './support/wall-clock.ts'

const redis = useRedis()

const FRONTS: Readonly<Record<string, Pick<InstanceOptions, 'near' | 'redis'>>> = {
  'near only': { near: true, redis: false },
  'redis only': { near: false },
  'near and redis': { near: true },
}
const WRITE: readonly WritePolicy[] = ['write-through', 'write-around']
const READ: readonly ReadPolicy[] = ['frontend-first', 'frontend-only']
const COMBINATIONS = Object.keys(FRONTS).flatMap((fronts) =>
  WRITE.flatMap((writePolicy) => READ.map((readPolicy) => ({ fronts, writePolicy, readPolicy }))),
)

/** What each front of the instance holds under the key. */
async function held({ near, redis: front }: Instance, key: string): Promise<Record<string, unknown>> {
  const inRedis = front as typeof front | undefined
  return {
    ...(near && { near: near.peek(keyOf(key).id)?.entry?.payload.read() }),
    ...(inRedis && { redis: (await heldIn(inRedis, [keyOf(key)]))[0]?.entry?.payload.read() }),
  }
}

/** The same in every front. */
function everywhere(instance: Instance, value: unknown): Record<string, unknown> {
  return {
    ...(instance.near && { near: value }),
    ...((instance.redis as typeof instance.redis | undefined) && { redis: value }),
  }
}

/** Runs a read that ends in the back tier, and waits until the fronts are filled. */
function filling<T>(instance: Instance, read: () => Promise<T>): Promise<T> {
  const front = instance.front as Instance['front'] | undefined
  return front === undefined ? read() : withFill(front, read)
}

describe.each(COMBINATIONS)('$fronts, $writePolicy, $readPolicy', ({ fronts, writePolicy, readPolicy }) => {
  const open = (): Promise<Instance> =>
    new Fleet(redis.server).open({ ...FRONTS[fronts], writePolicy, readPolicy, near: FRONTS[fronts]!.near ?? false })
  const installs = writePolicy === 'write-through'
  const first = { readPolicy: 'frontend-first' } as const

  test('10: a write leaves in the fronts what its policy says, and in the back tier always', async () => {
    const a = await open()
    const written = await a.store.set('k', 'v1')
    expect(await held(a, 'k')).toEqual(everywhere(a, installs ? 'v1' : undefined))
    expect(written.tiers).toEqual(a.front ? [{ tier: 'redis', outcome: 'applied', error: undefined }] : [])
    expect(a.sqlite.readOne(keyOf('k')).entry?.payload.read()).toBe('v1')
    if (!installs) expect(await filling(a, () => a.store.get('k', first))).toBe('v1')
    expect(await held(a, 'k')).toEqual(everywhere(a, 'v1'))
    await a.store.set('k', 'v2')
    expect(await held(a, 'k')).toEqual(everywhere(a, installs ? 'v2' : undefined))
    await a.store.delete('k')
    expect(await held(a, 'k')).toEqual(everywhere(a, undefined))
    expect(await a.store.get('k', first)).toBeUndefined()
  })

  test('11: frontend-only never asks the back tier', async () => {
    const a = await open()
    const only = { readPolicy: 'frontend-only' } as const
    await a.store.set('k', 'v1', { writePolicy: 'write-around' })
    expect(await a.store.get('k', only)).toBeUndefined()
    expect(await a.store.has('k', only)).toBe(false)
    expect((await a.store.getMany(['k', 'absent'], only)).size).toBe(0)
    expect(a.back.keysRead).toBe(0)
    await a.store.set('k', 'v2', { writePolicy: 'write-through' })
    expect(await a.store.get('k', only)).toBe('v2')
    expect((await a.store.getMany(['k', 'absent'], only)).size).toBe(1)
    expect(a.back.keysRead).toBe(0)
  })

  test('13: has and getMany find what any tier has; keys are the back tier’s', async () => {
    const a = await open()
    await a.store.set('in both', 1, { writePolicy: 'write-through' })
    await a.store.set('below', 2, { writePolicy: 'write-around' })
    expect(await a.store.has('in both')).toBe(true)
    expect(await a.store.has('below')).toBe(readPolicy === 'frontend-first')
    expect(await a.store.has('below', first)).toBe(true)
    expect([...(await a.store.getMany(['in both', 'below', 'absent'], first)).entries()]).toEqual([
      [['in both'], 1],
      [['below'], 2],
    ])
    expect(await Array.fromAsync(a.store.keys())).toEqual([['below'], ['in both']])
  })

  test('14: what is found in the deepest tier fills every one above', async () => {
    const a = await open()
    await a.store.set('one', 1, { writePolicy: 'write-around' })
    await a.store.set('two', 2, { writePolicy: 'write-around' })
    await filling(a, () => a.store.get('one', first))
    await filling(a, () => a.store.getMany(['two', 'absent'], first))
    const { keysRead } = a.back
    expect(await held(a, 'one')).toEqual(everywhere(a, 1))
    expect(await held(a, 'two')).toEqual(everywhere(a, 2))
    expect(await a.store.get('absent', first)).toBeUndefined()
    expect((await a.store.getMany(['one', 'two'])).size).toBe(2)
    expect(a.back.keysRead).toBe(keysRead)
  })

  test('policies of a call take the place of the store’s', async () => {
    const a = await open()
    await a.store.setMany([['k', 1]], { writePolicy: 'write-through' })
    expect(await held(a, 'k')).toEqual(everywhere(a, 1))
    await a.store.update('k', () => 2, { writePolicy: 'write-around' })
    expect(await held(a, 'k')).toEqual(everywhere(a, undefined))
    await a.store.transaction((tx) => tx.set('k', 3), { writePolicy: 'write-through' })
    expect(await held(a, 'k')).toEqual(everywhere(a, 3))
    expect(await a.store.get('k', { consistency: 'linearizable' })).toBe(3)
    const wrong = 'sideways' as never
    await expect(a.store.set('k', 4, { writePolicy: wrong })).rejects.toThrow(/writePolicy must be one of/)
    await expect(a.store.get('k', { readPolicy: wrong })).rejects.toThrow(/readPolicy must be one of/)
    await expect(a.store.getMany(['k'], { consistency: wrong })).rejects.toThrow(/consistency must be/)
    expect(await a.store.get('k', first)).toBe(3)
  })
})

test('12: frontend-first prefers the front where the two differ', async () => {
  const fleet = new Fleet(redis.server)
  const shared = await fleet.open()
  const near = await fleet.open({ near: true, redis: false, nearMaxStaleMs: 60_000, deaf: true })
  await shared.store.set('k', 'old')
  for (const { store } of [shared, near]) expect(await store.get('k')).toBe('old')
  // Behind the backs of both.
  const other = await fleet.open({ redis: false })
  await other.store.set('k', 'new')
  for (const { store } of [shared, near]) {
    expect(await store.get('k')).toBe('old')
    expect(await store.get('k', { consistency: 'linearizable' })).toBe('new')
  }
})

describe('negative entries', () => {
  test.each(['near only', 'redis only'])('a front remembers that a key does not exist (%s)', async (fronts) => {
    const a = await new Fleet(redis.server).open(FRONTS[fronts])
    expect(await filling(a, () => a.store.get('k'))).toBeUndefined()
    expect(await a.store.get('k')).toBeUndefined()
    expect(a.back.keysRead).toBe(1)
    await a.store.set('k', 1, { writePolicy: 'write-around' })
    expect(await a.store.get('k')).toBe(1)
  })

  test.each(['near only', 'redis only'])('unless it is told not to (%s)', async (fronts) => {
    const a = await new Fleet(redis.server).open({ ...FRONTS[fronts], negativeEntries: false })
    await a.store.get('k')
    await a.store.get('k')
    expect(a.back.keysRead).toBe(2)
  })
})

describe('lifetimes', () => {
  test('near memory keeps the knowledge that a key is missing no longer than Redis does', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new WallClock()
    const settings = { clock, negativeTtlMs: 10_000, jitter: 0 }
    const a = await fleet.open({ clock, redis: settings })
    await serving(a)
    await filling(a, () => a.store.get('k'))
    clock.step(9_000)
    const b = await fleet.open({ clock, near: { negativeTtlMs: 10_000, jitter: 0 }, redis: settings })
    await serving(b)
    expect(await b.store.get('k')).toBeUndefined()
    expect(b.back.keysRead).toBe(0)
    clock.step(1_001)
    await b.store.get('k')
    expect(b.back.keysRead).toBe(1)
  })

  test('an entry that ends is absent in every tier at the same moment, and its sweep reaches the fronts', async () => {
    const clock = new WallClock()
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ clock, near: true, redis: { clock } })
    await serving(a)
    await a.store.set('k', 1, { expiresAt: clock.now() + 1_000 })
    clock.step(999)
    expect(await held(a, 'k')).toEqual(everywhere(a, 1))
    clock.step(1)
    expect(await held(a, 'k')).toEqual(everywhere(a, undefined))
    expect(await a.store.get('k')).toBeUndefined()
    expect((await a.tiers.expire(10)).changes.map(({ op }) => op)).toEqual(['expire'])
    expect(await a.store.get('k')).toBeUndefined()
  })
})

describe('round trips', () => {
  test('getMany(1000), cold: one MGET, at most two SQL statements, one FILL', async () => {
    const fleet = new Fleet(redis.server)
    const keys = Array.from({ length: 1_000 }, (_, i) => ['place', i] as const)
    const writer = await fleet.open()
    await writer.store.setMany(
      keys.map((key) => [key, { name: `place ${key[1]}` }] as const),
      { writePolicy: 'write-around' },
    )
    const cold = await fleet.open({ near: true })
    const statements = watchStatements()
    await fleet.raw.config('RESETSTAT')
    statements.forget()
    await withFill(cold.front, async () => expect((await cold.store.getMany(keys)).size).toBe(1_000))
    // What the followers of the log ask in the background is no statement of the read.
    const ofRead = statements.run.filter((sql) => /\bentry\b/.test(sql))
    const stats = await fleet.raw.info('commandstats')
    const calls = (command: string): number =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    expect(ofRead.length).toBeGreaterThan(0)
    expect(ofRead.length).toBeLessThanOrEqual(2)
    expect(calls('mget')).toBe(1)
    expect(calls('evalsha') + calls('eval')).toBe(1)
    expect(cold.tiers.tierStats().hits).toMatchObject({ redis: 0, sqlite: 1_000 })
    // And warm: not one.
    await fleet.raw.config('RESETSTAT')
    expect((await cold.store.getMany(keys)).size).toBe(1_000)
    expect(await fleet.raw.info('commandstats')).not.toContain('cmdstat_mget')
  })

  test('what is asked for in one turn travels together, from however many stores', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ near: true })
    await a.store.setMany(Array.from({ length: 100 }, (_, i) => [['k', i], i] as const))
    const b = await fleet.open({ near: true })
    await fleet.raw.config('RESETSTAT')
    const read = await Promise.all(Array.from({ length: 100 }, (_, i) => b.store.get<number>(['k', i])))
    expect(read.reduce<number>((sum, n) => sum + n!, 0)).toBe(4_950)
    // A batch of 64 does not wait for the end of the turn.
    expect(await fleet.raw.info('commandstats')).toMatch(/cmdstat_mget:calls=2,/)
  })
})

describe('options', () => {
  const back = createMemoryBack()
  test.each([
    [{ back, writePolicy: 'write-sideways' }, RangeError, /writePolicy must be one of write-through, write-around/],
    [{ back, readPolicy: 'guess' }, RangeError, /readPolicy must be one of frontend-first, frontend-only/],
    [{ back, nearMaxStaleMs: -1 }, RangeError, /nearMaxStaleMs/],
    [{ back, nearMaxStaleMs: Number.NaN }, RangeError, /nearMaxStaleMs/],
    [{ back, tiers: [] }, TypeError, /unknown option tiers/],
    [{ back, near: { name: 'memory' } }, TypeError, /two tiers are named memory/],
  ])('16: %o is refused', (options, type, message) => {
    const opening = (): unknown => createTiered(options as never)
    expect(opening).toThrow(type)
    expect(opening).toThrow(message)
  })
})
