import { eventually } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { Fleet } from './support/fleet.ts'

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
