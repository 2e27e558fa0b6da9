import { eventually } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { Fleet, useRedis } from './support/fleet.ts'

const redis = useRedis()
const LOOKS = 8

test('an idle store costs Redis one HMGET in a third of the bound, and nothing else', async () => {
  const fleet = new Fleet(redis.server)
  const frontMaxStaleMs = 300
  const { store, front } = await fleet.open({ frontMaxStaleMs })
  const { version } = await store.set('k', 1)
  await eventually('the log is replayed', async () => ((await front.look()).watermark ?? 0) >= version)
  await fleet.raw.config('RESETSTAT')
  const started = performance.now()
  let calls: Record<string, number> = {}
  await eventually('it has looked a few times', async () => {
    const stats = await fleet.raw.info('commandstats')
    calls = Object.fromEntries(
      Array.from(stats.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g), ([, name, n]) => [name, Number(n)]),
    )
    return (calls['hmget'] ?? 0) >= LOOKS
  })
  const { hmget, ...others } = calls
  // Pauses are spread, and none is shorter than the third; the first look may come at once.
  expect(hmget! - 1).toBeLessThanOrEqual((performance.now() - started) / (frontMaxStaleMs / 3))
  for (const asked of ['info', 'config|resetstat']) delete others[asked]
  expect(others).toEqual({})
})
