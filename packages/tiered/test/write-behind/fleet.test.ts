import { Store } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '../../src/index.ts'
import { watchDatabases } from '../support/databases.ts'
import { Fleet, type InstanceOptions, keyOf, useRedis } from '../support/fleet.ts'

const redis = useRedis()

const PATIENT = { writePolicy: 'write-behind', writeBehind: { maxAgeMs: 600_000 } } as const
const FRONTS = {
  'near memory': { near: true, redis: false },
  redis: { near: false },
  both: { near: true },
} as const satisfies Record<string, InstanceOptions>

describe.each(Object.keys(FRONTS) as (keyof typeof FRONTS)[])('a fleet with %s', (fronts) => {
  test('others see what is written behind when it is flushed, and not before; then nobody reads what it replaced', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = [await fleet.open({ ...FRONTS[fronts], ...PATIENT }), await fleet.open(FRONTS[fronts])]
    await b.store.set('k', 'old')
    expect([await a.store.get('k'), await b.store.get('k')]).toEqual(['old', 'old'])
    await a.store.set('k', 'behind')
    expect([
      await a.store.get('k'),
      a.tiers.peek(keyOf('k').id)?.entry?.payload.read(),
      await b.store.get('k'),
    ]).toEqual(['behind', 'behind', 'old'])
    await a.tiers.flush()
    expect([await a.store.get('k'), await b.store.get('k')]).toEqual(['behind', 'behind'])
    // Of others, and newer: what was written behind is not in its way any more.
    await b.store.set('k', 'newer')
    expect([await a.store.get('k'), await b.store.get('k')]).toEqual(['newer', 'newer'])
  })

  test('the flush is a commit as any other: fronts hold it, and hooks hear of the latest of each key', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ ...FRONTS[fronts], ...PATIENT })
    const heard: unknown[] = []
    a.tiers.onCommit((commits) => {
      for (const { changes } of commits)
        heard.push(changes.map(({ key, seq, payload }) => [key.id, seq, payload?.read()]))
    })
    await a.store.set('k', 1)
    await a.store.set('k', 2)
    await a.store.set('l', 3)
    expect(heard).toEqual([])
    await a.tiers.flush()
    expect(heard).toEqual([
      [
        [keyOf('k').id, 1, 2],
        [keyOf('l').id, 2, 3],
      ],
    ])
    const { keysRead } = a.back
    expect([await a.store.get('k'), await a.store.get('l'), a.back.keysRead - keysRead]).toEqual([2, 3, 0])
  })

  test('a read that runs into the flush never goes back to what was there before', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ ...FRONTS[fronts], ...PATIENT })
    await a.store.set('n', 0, { writePolicy: 'write-through' })
    let isOver = false
    let last = 0
    const reader = (async () => {
      while (!isOver) {
        const n = (await a.store.get<number>('n'))!
        expect(n).toBeGreaterThanOrEqual(last)
        last = n
        // What is not flushed is read without leaving the turn.
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
    })()
    for (let n = 1; n <= 200; n++) {
      await a.store.set('n', n)
      if (n % 3 === 0) await a.tiers.flush()
    }
    isOver = true
    await reader
    await a.tiers.flush()
    expect(await a.store.get('n', { consistency: 'linearizable' })).toBe(200)
  })
})

test('with Redis lost during a flush, the flush is committed, and reads are right', async () => {
  const fleet = new Fleet(redis.server)
  const a = await fleet.open(PATIENT)
  await a.store.set('k', 'old', { writePolicy: 'write-through' })
  await a.store.set('k', 'behind')
  a.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
  await a.tiers.flush()
  expect([await a.store.get('k'), a.sqlite.readOne(keyOf('k')).entry?.payload.read()]).toEqual(['behind', 'behind'])
})

test('a disk that is full: a typed error, memory unchanged, and later writes work when there is room', async () => {
  const databases = watchDatabases()
  const file = new Fleet().file
  const clock = new ManualClock()
  const back = createSqliteBack({ file })
  const errors: unknown[] = []
  const tiers = createTiered({ back, ...PATIENT, clock, onError: (error) => errors.push(error) })
  onTestFinished(() => tiers.close())
  const store = new Store(tiers)
  await store.set('a', 1)
  const [db] = databases
  const pages = db!.pragma('page_count', { simple: true }) as number
  db!.pragma(`max_page_count = ${pages}`)
  await expect(store.set('large', new Uint8Array(200_000))).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect([await store.get('a'), await store.get('large')]).toEqual([1, undefined])
  db!.pragma('max_page_count = 1000000')
  await store.set('large', new Uint8Array(200_000).fill(1))
  await tiers.flush()
  expect(await back.log.head()).toBe(2)
  expect(errors.every((error) => (error as { code?: unknown }).code === 'DISK_FULL')).toBe(true)
})

test('a disk that cannot be written: a typed error, and reads go on', async () => {
  const databases = watchDatabases()
  const back = createSqliteBack({ file: new Fleet().file })
  const tiers = createTiered({ back, ...PATIENT, clock: new ManualClock(), onError: () => {} })
  onTestFinished(() => tiers.close())
  const store = new Store(tiers)
  await store.set('a', 1)
  const [db] = databases
  db!.pragma('query_only = on')
  await expect(store.set('a', 2)).rejects.toMatchObject({ code: 'READ_ONLY' })
  expect(await store.get('a')).toBe(1)
  db!.pragma('query_only = off')
  await store.set('a', 3)
  await tiers.flush()
  expect([await store.get('a'), back.readOne(keyOf('a')).entry?.payload.read()]).toEqual([3, 3])
})
