import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, type Instance, keyOf, tailed, useRedis } from './support/fleet.ts'
import { StoppableClock } from './support/stoppable-clock.ts'
import { WallClock } from './support/wall-clock.ts'

const redis = useRedis()

test('how long the changes of other processes took to get here is told, and nothing of the own ones', async () => {
  const fleet = new Fleet()
  const [a, b] = await Promise.all([fleet.open({ near: true }), fleet.open({ near: true })])
  const told = { a: [] as number[], b: [] as number[] }
  a.tiers.visibilityLag$.subscribe((ms) => told.a.push(ms))
  b.tiers.visibilityLag$.subscribe((ms) => told.b.push(ms))
  // Turn by turn, so that own commits come back through the log.
  for (let i = 0; i < 20; i++) await Promise.all([a.store.set(['a', i], i), b.store.set(['b', i], i)])
  await a.store.get('any')
  await b.store.get('any')
  await eventually('both have heard of all', () => told.a.length >= 20 && told.b.length >= 20)
  expect([told.a.length, told.b.length]).toEqual([20, 20])
  for (const ms of [...told.a, ...told.b]) expect(ms).toBeGreaterThanOrEqual(0)
})

describe('with Redis alone', () => {
  /** Resolves when Redis was proven to have everything up to here. */
  async function proven({ tiers }: Instance, version: number): Promise<void> {
    await eventually('it is proven', async () => {
      const { certificate } = (await tiers.explain(keyOf('any'))).fronts[0]!
      return (certificate?.includes ?? 0) >= version
    })
  }

  function lagsOf({ tiers }: Instance): readonly number[] {
    const lags: number[] = []
    tiers.visibilityLag$.subscribe((ms) => lags.push(ms))
    return lags
  }

  test('each change is told once, when Redis is proven to have it, and no own one', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new StoppableClock()
    const [a, b] = await Promise.all([fleet.open({ clock }), fleet.open({ clock })])
    // What comes while a certificate has run out is not told, see below.
    await clock.stopWhenCertified(a, b)
    const [atA, atB] = [lagsOf(a), lagsOf(b)]
    for (let i = 0; i < 5; i++) {
      await Promise.all([a.store.set(['a', i], i), b.store.set(['b', i], i)])
      await eventually('it is told', () => atA.length > i && atB.length > i)
    }
    // More than a page of the log from one proof to the next. A commit is never split.
    const look = b.front.hold('look')
    await look.arrived()
    for (let n = 0; n < 3; n++) await a.store.setMany(Array.from({ length: 400 }, (_, i) => [['n', n, i], i] as const))
    await tailed(a, 1_210)
    look.release()
    await eventually('all are told', () => atB.length >= 1_205)
    const { version } = await a.store.set('last', 1)
    await Promise.all([proven(a, version), proven(b, version)])
    await eventually('the last one is told', () => atB.length >= 1_206)
    expect([atA.length, atB.length]).toEqual([5, 1_206])
    for (const ms of [...atA, ...atB]) expect(ms).toBeGreaterThanOrEqual(0)
  })

  test('what came while it was bypassed, and was read from below at once, is not told', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new StoppableClock()
    const [a, b] = await Promise.all([fleet.open({ clock }), fleet.open()])
    const told = lagsOf(a)
    a.front.inject(() => 'drop-before')
    await eventually('it is bypassed', () => !a.isServing())
    clock.stop()
    await b.store.set('k', 1)
    const { version } = await b.store.set('k', 2)
    await proven(b, version)
    a.front.inject(undefined)
    await proven(a, version)
    await b.store.set('k', 3)
    await eventually('what came later is told', () => told.length > 0)
    expect(told).toHaveLength(1)
  })
})

test('changes that near memory skipped are told as one, which is as late as the oldest of them', async () => {
  const clock = new WallClock()
  const fleet = new Fleet()
  const [a, b] = await Promise.all([fleet.open({ clock }), fleet.open({ near: true, deaf: true, clock })])
  await b.store.get('k')
  const told: number[] = []
  b.tiers.visibilityLag$.subscribe((ms) => told.push(ms))
  await a.store.set('k', 1)
  clock.step(1_000)
  await a.store.setMany(Array.from({ length: 66_000 }, (_, i) => [['n', i], i] as const))
  clock.step(500)
  expect(await b.store.get('k')).toBe(1)
  await eventually('it is told', () => told.length > 0)
  expect(told).toEqual([1_500])
})
