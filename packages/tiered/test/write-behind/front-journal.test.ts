import { createMemoryBack, Store } from '@tidemark/core'
import { createRedisJournal } from '@tidemark/redis'
import { ManualClock, startRelay } from '@tidemark/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { Redis } from 'ioredis'
import { useRedis } from '../support/fleet.ts'
import { Process } from './support/process.ts'

const redis = useRedis()
let namespaces = 0

function machine(url: string = redis.server.url) {
  const clock = new ManualClock()
  const back = createMemoryBack({ clock })
  const namespace = `fj${process.pid}-${++namespaces}`
  const start = (options = {}): Process => {
    const shared = createRedisJournal({ url, namespace, commandTimeoutMs: 2_000 })
    onTestFinished(() => shared.close())
    return new Process(back, clock, { acknowledge: 'front', maxAgeMs: 60_000, leaseMs: 1_000, shared, ...options })
  }
  return { clock, back, namespace, start, other: new Store(back, { clock }) }
}

async function streams(namespace: string): Promise<readonly string[]> {
  const raw = new Redis(redis.server.url)
  try {
    return await raw.keys(`${namespace}*`)
  } finally {
    raw.disconnect()
  }
}

test('level front: a write lies in Redis when it is acknowledged, and in the back tier after the flush', async () => {
  const { back, namespace, start, other } = machine()
  const { store, tiers, commits } = start()
  await Promise.all([store.set('a', 1), store.set('a', 2), store.set('b', 3)])
  expect([await back.log.head(), (await streams(namespace)).length]).toEqual([0, 1])
  expect(commits).toEqual(['other'])
  await tiers.flush()
  expect([await other.get('a'), await other.get('b')]).toEqual([2, 3])
  await tiers.close()
  expect(await streams(namespace)).toEqual([])
})

test('level front: what a process that is gone has acknowledged is recovered from Redis, once', async () => {
  const { back, clock, namespace, start, other } = machine()
  const process = start()
  await process.store.set('a', 1)
  await process.tiers.flush()
  for (let i = 0; i < 250; i++) await process.store.set(['n', i % 100], i)
  await process.tiers.checkpoint('', 250)
  process.kill()
  clock.advance(1_000)
  await other.set('a', 'newer')
  const next = start()
  await next.tiers.recoverWrites()
  expect(await Promise.all([0, 49, 50, 99].map((i) => next.store.get(['n', i])))).toEqual([200, 249, 150, 199])
  expect([await next.store.get('a'), await next.tiers.lastCheckpoint('')]).toEqual(['newer', 250])
  expect(await back.log.head()).toBe(102)
  // Only the seal is left, for a process that was slow and not gone.
  expect((await streams(namespace)).every((key) => key.endsWith(':sealed'))).toBe(true)
})

test('level front: a process that was only slow cannot add to a journal that others have recovered', async () => {
  const { clock, start, other } = machine()
  const slow = start()
  await slow.store.set('a', 'slow')
  slow.pause()
  clock.advance(1_000)
  const next = start()
  await next.tiers.recoverWrites()
  await other.set('a', 'newer')
  slow.resume()
  await slow.store.set('b', 1)
  await slow.tiers.flush()
  expect([await other.get('a'), await other.get('b'), await slow.store.get('a')]).toEqual(['newer', 1, 'newer'])
})

test('level front: without Redis writes are committed at once, after what they meet; with it again, they are not', async () => {
  const { port } = new URL(redis.server.url)
  await using relay = await startRelay(Number(port))
  const { back, start, other } = machine(relay.url)
  const { store, tiers } = start({
    shared: createRedisJournal({ url: relay.url, namespace: 'x', commandTimeoutMs: 200 }),
  })
  await store.set('a', 1)
  // Where nobody listens.
  relay.target = 1
  relay.cut()
  expect((await store.set('a', 2)).version).toBeGreaterThan(0)
  expect([await other.get('a'), await store.get('a')]).toEqual([2, 2])
  relay.target = Number(port)
  await expect.poll(async () => (await store.set('a', 3)).version, { interval: 20, timeout: 10_000 }).toBe(0)
  const head = await back.log.head()
  expect([await store.get('a'), await back.log.head()]).toEqual([3, head])
  await tiers.close()
  expect(await other.get('a')).toBe(3)
})

test('level front: what Redis has lost is lost with the process, and with nothing else', async () => {
  const { clock, namespace, start, other } = machine()
  const process = start()
  await process.store.set('a', 1)
  const raw = new Redis(redis.server.url)
  onTestFinished(() => raw.disconnect())
  await raw.del(await raw.keys(`${namespace}*`))
  await process.tiers.flush()
  expect(await other.get('a')).toBe(1)
  await process.store.set('a', 2)
  await raw.del(await raw.keys(`${namespace}*`))
  process.kill()
  clock.advance(1_000)
  const next = start()
  await next.tiers.recoverWrites()
  expect([await next.store.get('a'), await other.set('a', 3)]).toMatchObject([1, { version: 2 }])
})
