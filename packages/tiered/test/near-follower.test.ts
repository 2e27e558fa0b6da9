import { createMemoryBack, createNearMemory, type Log, Store, TidemarkError } from '@tidemark/core'
import { commit, eventually, ManualClock, setting } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTiered, type TierEvent } from '../src/index.ts'
import { Fleet, heldIn, type Instance, keyOf, serving, tailed, useRedis } from './support/fleet.ts'
import { late } from './support/late.ts'
import { RemoteLog, searchesOf, seenFromOutside } from './support/other-process.ts'
import { StoppableClock } from './support/stoppable-clock.ts'

const redis = useRedis()

/** Entries to fill the log with. */
function numbers(count: number): (readonly [key: readonly [string, number], value: number])[] {
  return Array.from({ length: count }, (_, i) => [['n', i], i])
}

describe('two stores on one file, without Redis', () => {
  test('own commits and those of others are taken in the order of the log', async () => {
    const fleet = new Fleet()
    const a = await fleet.open({ near: true, deaf: true })
    const b = await fleet.open({ near: true })
    await a.store.set('x', 'a1')
    expect(a.near!.watermark).toBe(1)
    await b.store.set('x', 'b2')
    await b.store.set('y', 'b3')
    await a.store.set('y', 'a4')
    // It knows its own, but cannot say that it has seen everything before.
    expect(a.near!.watermark).toBe(1)
    expect(a.tiers.peek(keyOf('y').id)?.entry?.version).toBe(4)
    expect(await a.store.get('x')).toBe('b2')
    expect(a.near!.watermark).toBe(4)
    expect(a.tiers.peek(keyOf('y').id)?.entry?.version).toBe(4)
  })

  test('who hears of commits follows without being read', async () => {
    const fleet = new Fleet()
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true })])
    await a.store.set('k', 1)
    expect(await b.store.get('k')).toBe(1)
    await a.store.set('k', 2)
    await eventually('the old value is gone', () => b.tiers.peek(keyOf('k').id) === undefined)
    expect(b.near!.watermark).toBe(2)
  })

  /** Two stores that hold k as 1; what the first one writes the other one hears of by asking, which it need not for 100 ms. */
  async function bounded(): Promise<{ a: Instance; b: Instance; clock: ManualClock }> {
    const fleet = new Fleet()
    const clock = new ManualClock()
    const a = await fleet.open()
    const b = await fleet.open({ near: { clock }, deaf: true, nearMaxStaleMs: 100, clock })
    await a.store.set('k', 1)
    expect(await b.store.get('k')).toBe(1)
    return { a, b, clock }
  }

  test('with nearMaxStaleMs, what was replaced is served for no longer than that', async () => {
    const { a, b, clock } = await bounded()
    await a.store.set('k', 2)
    clock.advance(99)
    expect(await b.store.get('k')).toBe(1)
    clock.advance(1)
    expect(await b.store.get('k')).toBe(2)
    await a.store.delete('k')
    clock.advance(100)
    expect((await b.store.getMany(['k'])).size).toBe(0)
  })

  test('with nearMaxStaleMs, nothing is served that is older than what a read from below has told', async () => {
    const { a, b } = await bounded()
    await a.store.setMany([
      ['k', 2],
      ['j', 2],
    ])
    expect(await b.store.get('k')).toBe(1)
    expect(await b.store.get('j')).toBe(2)
    expect(await b.store.get('k')).toBe(2)
  })
})

test('with nearMaxStaleMs, a remote log has given proof when it was read, and not when its head is known', async () => {
  const memory = createMemoryBack()
  onTestFinished(() => memory.close())
  const log = new RemoteLog(memory.log)
  // Followed only by who reads.
  log.wait = (_after, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const clock = new ManualClock()
  const near = createNearMemory({ clock })
  const tiers = createTiered({ back: seenFromOutside(memory, log), near, nearMaxStaleMs: 100, clock })
  onTestFinished(() => tiers.close())
  const store = new Store(tiers)
  await commit(memory, setting('k', 1))
  expect(await store.get('k')).toBe(1)
  await commit(memory, setting('k', 2))
  clock.advance(100)
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const read = log.read.bind(log)
  log.read = async (options) => {
    asked.resolve()
    await released.promise
    return read(options)
  }
  const first = store.get('k')
  await asked.promise
  const second = store.get('k')
  released.resolve()
  expect(await Promise.all([first, second])).toEqual([2, 2])
})

describe('a near front that is far behind', () => {
  test('starts anew, and says so', async () => {
    const fleet = new Fleet()
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true, deaf: true })])
    await a.store.set('k', 'old')
    expect(await b.store.get('k')).toBe('old')
    await a.store.setMany([['k', 'new'], ...numbers(66_000)])
    expect(await b.store.get('k')).toBe('new')
    expect(b.events).toEqual([{ type: 'near-restarted', tier: 'near', behind: 66_001 }])
    expect(b.near!.watermark).toBe(66_002)
    expect(
      (
        await b.store.getMany([
          ['n', 0],
          ['n', 65_999],
        ])
      ).size,
    ).toBe(2)
  })

  test('gets over a log that was compacted', async () => {
    const memory = createMemoryBack({ maxLogChanges: 10 })
    onTestFinished(() => memory.close())
    await commit(memory, setting('k', 0))
    const tiers = createTiered({ back: seenFromOutside(memory, deafTo(memory.log)), near: createNearMemory() })
    onTestFinished(() => tiers.close())
    const events: TierEvent[] = []
    tiers.tierEvents$.subscribe((event) => events.push(event))
    const store = new Store(tiers)
    expect(await store.get('k')).toBe(0)
    for (let i = 1; i <= 50; i++) await commit(memory, setting('k', i))
    expect(await store.get('k')).toBe(50)
    expect(events).toMatchObject([{ type: 'near-restarted' }])
    // And opens over one.
    const second = createTiered({ back: seenFromOutside(memory), near: createNearMemory() })
    onTestFinished(() => second.close())
    expect(await new Store(second).get('k')).toBe(50)
  })

  function deafTo(log: ReturnType<typeof createMemoryBack>['log']): typeof log {
    return {
      identity: log.identity,
      sync: log.sync,
      ...searchesOf(log),
      head: () => log.head(),
      floor: () => log.floor(),
      read: (options) => log.read(options),
      nudge: () => {},
      wait: (_after, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    }
  }
})

describe('a Redis that lacks what a writer without it wrote', () => {
  test('is seen through by a store that runs, however much was written since', async () => {
    const fleet = new Fleet(redis.server)
    const clock = new StoppableClock()
    const b = await fleet.open({ near: true, deaf: true, clock })
    await b.store.set('k', 'old')
    // It reads from Redis all along, and nobody brings there what Redis lacks.
    await clock.stopWhenCertified(b)
    const tail = b.front.hold('tail')
    onTestFinished(() => tail.release())
    const script = await fleet.open({ redis: false })
    await script.store.set('k', 'new')
    await script.store.setMany(numbers(5_100))
    expect((await heldIn(b.redis, [keyOf('k')]))[0]?.entry?.payload.read()).toBe('old')
    expect(await b.store.get('k')).toBe('new')
    expect(b.events).toEqual([])
    await script.store.set('k', 'newer')
    await script.store.setMany(numbers(60_000))
    expect(await b.store.get('k')).toBe('newer')
    expect(b.events).toEqual([])
  })

  test('and by one that opens before anybody has brought there what it lacks', async () => {
    const fleet = new Fleet(redis.server)
    // So that a proof which should not have been given is not over before it is used.
    const frontMaxStaleMs = 2_000
    const a = await fleet.open({ frontMaxStaleMs })
    await a.store.setMany([
      ['j', 'old'],
      ['k', 'old'],
    ])
    const script = await fleet.open({ redis: false })
    await script.store.set('other', 1)
    // Who did it last is who does it next, unless he turns out not to.
    await tailed(a, 3)
    const there = a.front.hold('tail')
    onTestFinished(() => there.release())
    await script.store.setMany([['j', 'new'], ['k', 'new'], ...numbers(9_998)])
    const b = await fleet.open({ near: true, redis: {}, frontMaxStaleMs })
    const here = b.front.hold('tail')
    onTestFinished(() => here.release())
    expect(await b.store.get('k')).toBe('new')
    // By now it has looked at Redis once, and has waited for the other one in vain.
    await here.arrived()
    expect((await heldIn(b.redis, [keyOf('j')]))[0]?.entry?.payload.read()).toBe('old')
    expect(await b.store.get('j')).toBe('new')
    expect(b.isServing()).toBe(false)
    here.release()
    await serving(b)
    expect((await heldIn(b.redis, [keyOf('j')]))[0]?.entry?.payload.read()).not.toBe('old')
  })
})

test('what others write is caught up with in the background, a page a turn, without values', async () => {
  const memory = createMemoryBack()
  onTestFinished(() => memory.close())
  const pages: (boolean | undefined)[] = []
  const counted: Log = {
    identity: memory.log.identity,
    sync: memory.log.sync,
    ...searchesOf(memory.log),
    head: () => memory.log.head(),
    floor: () => memory.log.floor(),
    nudge: () => {},
    wait: (after, signal) => memory.log.wait(after, signal),
    read: (options) => {
      pages.push(options.values)
      return memory.log.read(options)
    },
  }
  const near = createNearMemory()
  const tiers = createTiered({ back: seenFromOutside(memory, counted), near })
  onTestFinished(() => tiers.close())
  // One commit would be one page.
  const writing = Promise.all(Array.from({ length: 13_000 }, (_, i) => commit(memory, setting('k', i))))
  let most = 0
  while (near.watermark < 13_000) {
    const before = pages.length
    await new Promise((resolve) => setImmediate(resolve))
    most = Math.max(most, pages.length - before)
  }
  await writing
  expect(pages.length).toBeGreaterThan(5)
  expect(most).toBe(1)
  expect(new Set(pages)).toEqual(new Set([false]))
})

describe('a near front that begins to follow while a change is on its way to Redis', () => {
  test('does not keep what Redis said before the change arrived', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.set('k', 'old')
    const change = late(a.front, 'apply')
    const writing = a.store.set('k', 'new')
    await change.sent
    const b = await fleet.open({ near: true })
    await b.store.get('k')
    await change.arrive()
    await writing
    expect(await b.store.get('k')).toBe('new')
  })

  test('nor does one that begins anew', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true, deaf: true })])
    await a.store.set('k', 'old')
    const filler = await fleet.open({ redis: false })
    await filler.store.setMany(numbers(66_000))
    const change = late(a.front, 'apply')
    const writing = a.store.set('k', 'new')
    await change.sent
    await b.store.get('k')
    expect(b.events).toMatchObject([{ type: 'near-restarted' }])
    await change.arrive()
    await writing
    expect(await b.store.get('k')).toBe('new')
  })
})

describe('a log that fails', () => {
  test('in the background: it is told, and following goes on', async () => {
    const memory = createMemoryBack()
    onTestFinished(() => memory.close())
    const log = new RemoteLog(memory.log)
    const near = createNearMemory()
    const tiers = createTiered({ back: seenFromOutside(memory, log), near })
    onTestFinished(() => tiers.close())
    const events: TierEvent[] = []
    tiers.tierEvents$.subscribe((event) => events.push(event))
    const store = new Store(tiers)
    await commit(memory, setting('k', 1))
    expect(await store.get('k')).toBe(1)
    log.failure = new TidemarkError('IO', 'the disk is away', { retryable: true })
    await commit(memory, setting('k', 2))
    await eventually('it is told', () => events.some(({ type }) => type === 'follow-failed'))
    // A read that cannot know whether it would miss something fails instead.
    await expect(store.get('k')).rejects.toMatchObject({ code: 'IO' })
    log.failure = undefined
    expect(await store.get('k')).toBe(2)
    await commit(memory, setting('k', 3))
    await eventually('it follows again', () => near.watermark === 3)
  })

  test('from the start: reads wait for the first answer of the log', async () => {
    const memory = createMemoryBack()
    onTestFinished(() => memory.close())
    await commit(memory, setting('k', 1))
    const log = new RemoteLog(memory.log)
    log.failure = new Error('not yet')
    const tiers = createTiered({ back: seenFromOutside(memory, log), near: createNearMemory() })
    onTestFinished(() => tiers.close())
    const store = new Store(tiers)
    await expect(store.get('k')).rejects.toThrow('not yet')
    log.failure = undefined
    expect(await store.get('k')).toBe(1)
    await commit(memory, setting('k', 2))
    expect(await store.get('k')).toBe(2)
    expect(tiers.tierStats().hits).toMatchObject({ memory: 2 })
    expect(await store.get('k')).toBe(2)
    expect(tiers.tierStats().hits).toMatchObject({ near: 1 })
  })
})
