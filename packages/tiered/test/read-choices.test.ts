import { type Clock, systemClock } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import {
  Fleet,
  heldIn,
  type Instance,
  type InstanceOptions,
  keyOf,
  serving,
  useRedis,
  withFill,
} from './support/fleet.ts'

const redis = useRedis()

const only = { readPolicy: 'frontend-only' } as const
/** Far longer than a test takes: certificates run out when a test lets them, and not by themselves. */
const BOUND_MS = 60_000

/** A clock that can be put forward: what was proven before is out of date then. */
function leap(): { readonly clock: Clock; readonly forward: () => void } {
  let ahead = 0
  return {
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() + ahead },
    forward: () => void (ahead += BOUND_MS),
  }
}

/** Everything but reads is lost on the way: Redis stays as it is. */
function cutOff({ front }: Instance): void {
  front.inject(({ method }) => (method === 'read' ? undefined : 'drop-before'))
}

/** A reader that is proven to be up to date, of a Redis that has missed the last write since. */
async function behind(options: InstanceOptions = {}) {
  const fleet = new Fleet(redis.server)
  const writer = await fleet.open({ frontMaxStaleMs: BOUND_MS })
  const { version: old } = await writer.store.set('k', 'old')
  const reader = await fleet.open({ frontMaxStaleMs: BOUND_MS, ...options })
  expect(await reader.store.get('k', only)).toBe('old')
  cutOff(writer)
  cutOff(reader)
  const { version } = await writer.store.set('k', 'new')
  /** Whatever may be read of it. */
  const held = async (): Promise<unknown> => (await heldIn(writer.front, [keyOf('k')]))[0]?.entry?.payload.read()
  // The writer reads Redis past what it would believe itself.
  expect(await held()).toBe('old')
  return { fleet, writer, reader, old, version, held }
}

describe('frontend-only reads as absent', () => {
  test('what no front is proven to be right about', async () => {
    const { clock, forward } = leap()
    const { reader, held } = await behind({ clock })
    expect(await reader.store.get('k', only)).toBe('old')
    forward()
    expect(await reader.store.get('k', only)).toBeUndefined()
    expect((await reader.store.getMany(['k'], only)).size).toBe(0)
    expect(await held()).toBe('old')
    expect(reader.back.keysRead).toBe(0)
    expect(await reader.store.get('k')).toBe('new')
  })

  test('what is older than this process has written', async () => {
    const { writer, held } = await behind()
    expect(await writer.store.get('k', only)).toBeUndefined()
    expect(writer.back.keysRead).toBe(0)
    expect(await held()).toBe('old')
  })

  test.each<[string, (instance: Instance) => Promise<unknown>]>([
    ['a linearizable read', ({ store }) => store.get('k', { consistency: 'linearizable' })],
    ['a condition that was missed', ({ store }) => store.set('k', 'mine', { ifVersion: 0 }).catch(() => {})],
  ])('what is older than this process knows from %s', async (_what, learn) => {
    const { reader, held } = await behind()
    expect(await reader.store.get('k', only)).toBe('old')
    await learn(reader)
    const { keysRead } = reader.back
    expect(await reader.store.get('k', only)).toBeUndefined()
    expect((await reader.store.getMany(['k'], only)).size).toBe(0)
    expect(reader.back.keysRead).toBe(keysRead)
    expect(await held()).toBe('old')
  })

  test.each([true, false])(
    'while Redis is bypassed, everything that near memory does not hold (near: %s)',
    async (near) => {
      const fleet = new Fleet(redis.server)
      const { clock, forward } = leap()
      const a = await fleet.open({ near, clock, frontMaxStaleMs: BOUND_MS })
      await a.store.setMany([
        ['near', 1],
        ['far', 2],
      ])
      await a.near?.clear()
      expect(await a.store.get('near', only)).toBe(1)
      a.front.inject(() => 'drop-before')
      forward()
      const found = await a.store.getMany(['near', 'far'], only)
      expect([found.get('near'), found.get('far')]).toEqual([near ? 1 : undefined, undefined])
      expect(await a.store.get('far', only)).toBeUndefined()
      expect(await a.store.has('near', only)).toBe(near)
      // What another process replaces, near memory does not hold any more.
      const other = await fleet.open({ redis: false })
      await other.store.set('near', 3)
      expect(await a.store.get('near', only)).toBeUndefined()
      expect(a.back.keysRead).toBe(0)
      expect(await a.store.get('near')).toBe(3)
    },
  )
})

describe('minVersion, asked of fronts only', () => {
  test.each<[string, InstanceOptions]>([
    ['Redis', {}],
    ['near memory with a bound, and Redis', { near: true, nearMaxStaleMs: BOUND_MS, deaf: true }],
  ])('finds nothing older, and asks nobody else: %s', async (_where, options) => {
    const { fleet, reader, old, version } = await behind(options)
    expect(await reader.store.get('k', { ...only, minVersion: old })).toBe('old')
    expect(await reader.store.get('k', { ...only, minVersion: version })).toBeUndefined()
    expect((await reader.store.getMany(['k'], { ...only, minVersion: version })).size).toBe(0)
    // Nor does it find out that there is no such version.
    expect(await reader.store.get('k', { ...only, minVersion: version + 1 })).toBeUndefined()
    expect(reader.back.keysRead).toBe(0)
    const helper = await fleet.open({ redis: {} })
    await serving(helper)
    expect(await withFill(helper.front, () => helper.store.get('k'))).toBe('new')
    expect(await reader.store.get('k', { ...only, minVersion: version })).toBe('new')
    expect(reader.back.keysRead).toBe(0)
  })
})

describe('monotonic reads after a listing', () => {
  test.each(['keys', 'entries'] as const)('what %s showed is not read as something older from Redis', async (list) => {
    const { reader, held } = await behind()
    expect(await reader.store.get('k')).toBe('old')
    expect(await Array.fromAsync<unknown>(reader.store[list]())).toHaveLength(1)
    expect(await reader.store.get('k', only)).toBeUndefined()
    expect((await reader.store.getMany(['k'], only)).size).toBe(0)
    expect(await reader.store.get('k')).toBe('new')
    expect(await held()).toBe('old')
  })

  test.each(['keys', 'entries'] as const)('nor from near memory with a bound, after %s', async (list) => {
    const fleet = new Fleet()
    const [writer, reader] = await Promise.all([
      fleet.open(),
      fleet.open({ near: true, nearMaxStaleMs: BOUND_MS, deaf: true }),
    ])
    await writer.store.set('k', 'old')
    expect(await reader.store.get('k')).toBe('old')
    await writer.store.set('k', 'new')
    expect(await reader.store.get('k')).toBe('old')
    expect(await Array.fromAsync<unknown>(reader.store[list]())).toHaveLength(1)
    expect(await reader.store.get('k')).toBe('new')
  })
})
