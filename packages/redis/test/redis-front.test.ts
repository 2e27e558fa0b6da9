import { type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { change, fillOf, key, missOf } from './support/changes.ts'
import { rawClient, readyFront } from './support/fronts.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  await rawClient(server).flushall()
})

test('holds what was applied, filled and missed', async () => {
  const front = await readyFront(server)
  const [a, b, c, d] = [key('a'), key('b'), key('c'), key('d')]
  expect(await front.apply([change(1, a, { n: 1 }), change(2, b, 'x')], 'install')).toEqual(['installed', 'installed'])
  expect(await front.fill([fillOf(c, [1, 2], 2, 2), missOf(d, 2)])).toEqual(['installed', 'installed'])
  const found = await front.read([a, b, c, d, key('e')])
  expect(found.map((each) => each?.entry?.payload.read())).toEqual([{ n: 1 }, 'x', [1, 2], undefined, undefined])
  expect(found.map((each) => each?.asOf)).toEqual([1, 2, 2, 2, undefined])
  expect(found[3]).toMatchObject({ entry: undefined, tier: 'redis' })
})
