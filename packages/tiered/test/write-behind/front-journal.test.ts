import { createMemoryBack, type SharedJournal, Store, TidemarkError } from '@tidemark/core'
import { createRedisJournal } from '@tidemark/redis'
import { ManualClock, startRelay } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Redis } from 'ioredis'
import { useRedis } from '../support/fleet.ts'
import { turns } from './support/machine.ts'
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

function journalIn(namespace: string): SharedJournal {
  const shared = createRedisJournal({ url: redis.server.url, namespace, commandTimeoutMs: 2_000 })
  onTestFinished(() => shared.close())
  return shared
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

test('level front: without Redis writes lie in the file, and in Redis again when it is back', async () => {
  const { port } = new URL(redis.server.url)
  await using relay = await startRelay(Number(port))
  const { clock, namespace, start, other } = machine(relay.url)
  const process = start({ shared: createRedisJournal({ url: relay.url, namespace: 'x', commandTimeoutMs: 200 }) })
  const { store, commits } = process
  await store.set('a', 1)
  // Where nobody listens.
  relay.target = 1
  relay.cut()
  expect((await store.set('a', 2)).version).toBe(0)
  await store.set('b', 2)
  expect([commits, await store.get('a'), await other.get('a')]).toEqual([['other', 'append', 'append'], 2, undefined])
  relay.target = Number(port)
  const appends = (): number => commits.filter((kind) => kind === 'append').length
  await expect
    .poll(async () => [appends(), await store.set('a', 3).then(appends)], { interval: 20, timeout: 10_000 })
    .toSatisfy(([before, after]) => before === after)
  process.kill()
  clock.advance(1_000)
  const next = start({ shared: createRedisJournal({ url: relay.url, namespace: 'x', commandTimeoutMs: 2_000 }) })
  await next.tiers.recoverWrites()
  expect([await next.store.get('a'), await next.store.get('b')]).toEqual([3, 2])
  expect(await streams(namespace)).toEqual([])
})

describe('level front: Redis does not answer one call', () => {
  const timeout = (): TidemarkError => new TidemarkError('TIMEOUT', 'no reply', { retryable: true })

  /** The next call to append to it is held, and fails when it is let go; `isDone`: Redis has executed it. */
  function slow(shared: SharedJournal, isDone: boolean): { readonly shared: SharedJournal; readonly fail: () => void } {
    const { promise, resolve: fail } = Promise.withResolvers<void>()
    let isHeld = true
    const append: SharedJournal['append'] = async (...args) => {
      const isThis = isHeld
      isHeld = false
      if (!isThis || isDone) await shared.append(...args)
      if (!isThis) return
      await promise
      throw timeout()
    }
    return { shared: { ...shared, append }, fail }
  }

  test.each([
    ['and has not executed it', false],
    ['and has executed it', true],
  ])('%s: the calls of one key keep their order', async (_, isDone) => {
    const { clock, namespace, start, other } = machine()
    const { shared, fail } = slow(journalIn(namespace), isDone)
    const process = start({ shared })
    const writes = [1, 2, 3].map((n) => process.store.set('k', n))
    await turns()
    writes.push(process.store.set('k', 4), process.store.set('l', 4))
    await turns()
    fail()
    await Promise.all([...writes, process.store.set('k', 5)])
    expect(await process.store.get('k')).toBe(5)
    await process.tiers.flush()
    expect([await other.get('k'), await other.get('l')]).toEqual([5, 4])
    // Nothing is left behind, here or there.
    await other.set('k', 'newer')
    process.kill()
    clock.advance(1_000)
    const next = start()
    await next.tiers.recoverWrites()
    expect(await other.get('k')).toBe('newer')
  })

  test.each([false, true])(
    'killed before the flush: its row comes in its place, once (executed: %s)',
    async (isDone) => {
      const { back, clock, namespace, start } = machine()
      const { shared, fail } = slow(journalIn(namespace), isDone)
      const process = start({ shared })
      const first = process.store.set('k', 1)
      await turns()
      const second = process.store.set('l', 2)
      await turns()
      fail()
      await Promise.all([first, second])
      await process.store.set('k', 3)
      process.kill()
      clock.advance(1_000)
      const next = start()
      await next.tiers.recoverWrites()
      const { changes } = await back.log.read({ after: 0, limit: 9 })
      expect(changes.map(({ key, payload }) => [key.tuple[0], payload?.read()])).toEqual([
        ['k', 3],
        ['l', 2],
      ])
    },
  )

  test('and others have recovered the journal by then: the row is written once, by them, or by its caller', async () => {
    const { clock, namespace, start, other } = machine()
    const { shared, fail } = slow(journalIn(namespace), true)
    const process = start({ shared })
    const refused = process.store.set('k', 'slow')
    refused.catch(() => undefined)
    await turns()
    process.pause()
    clock.advance(1_000)
    const next = start()
    await next.tiers.recoverWrites()
    expect(await other.get('k')).toBe('slow')
    await other.set('k', 'newer')
    process.resume()
    fail()
    await expect(refused).rejects.toMatchObject({ code: 'BUSY', retryable: true })
    await process.tiers.flush()
    expect([await other.get('k'), await process.store.get('k')]).toEqual(['newer', 'newer'])
  })
})

test('level front: a reply that comes after others have recovered the row does not write it again', async () => {
  const { clock, namespace, start, other } = machine()
  const real = journalIn(namespace)
  const { promise: replied, resolve: reply } = Promise.withResolvers<void>()
  const append: SharedJournal['append'] = (...args) => real.append(...args).then(() => replied)
  const process = start({ shared: { ...real, append } })
  const written = process.store.set('k', 'slow')
  written.catch(() => undefined)
  await turns()
  process.pause()
  clock.advance(1_000)
  await start().tiers.recoverWrites()
  await other.set('k', 'newer')
  process.resume()
  // It finds out that it was stopped before it is told of the row.
  clock.advance(1_000)
  await turns()
  reply()
  await expect(written).rejects.toMatchObject({ code: 'BUSY', retryable: true })
  await process.tiers.flush()
  expect([await other.get('k'), await process.store.get('k')]).toEqual(['newer', 'newer'])
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
