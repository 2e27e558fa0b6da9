import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { dropRelay, open, openReader, type OpenOptions, type Tidemark } from '../src/index.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
let raw: Redis
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  raw = new Redis(server.url)
  onTestFinished(() => raw.disconnect())
  await raw.flushall()
})

async function openStore(options: Partial<OpenOptions> = {}): Promise<Tidemark> {
  const store = await open({
    file: tempFile(),
    redis: { url: server.url, commandTimeoutMs: 5_000 },
    relay: true,
    ...options,
  })
  onTestFinished(() => store.close())
  return store
}

const streamsOf = async (store: Tidemark): Promise<string[]> =>
  (await raw.keys(`tidemark.${store.logId}:{p0}.s*`)).toSorted()

test('a store whose relay is refused says so once, and when it is over', async () => {
  const told: string[] = []
  const store = await openStore({
    // Records that Redis has no room for are the front's affair.
    onError: (error) => told.push((error as Error).message),
    log: (line) => told.push(line),
  })
  await store.set('a', 1)
  await using reader = await openReader({ redis: server.url, log: store.logId })
  onTestFinished(async () => void (await raw.config('SET', 'maxmemory', '0')))
  await raw.config('SET', 'maxmemory', '1')
  const about = (): string[] => told.filter((line) => line.includes('copied into Redis'))
  await store.set('a', 2)
  await eventually('it is told', () => about().length > 0)
  await store.set('a', 3)
  await raw.config('SET', 'maxmemory', '0')
  await eventually('it is over', () => about().length > 1)
  expect(about()).toEqual([
    expect.stringContaining('the log is not copied into Redis: '),
    'the log is copied into Redis again',
  ])
  await eventually('the reader has it', () => reader.position === 3)
})

test('the copy goes by itself, or as soon as somebody says so, and the store stays as it is', async () => {
  const file = tempFile()
  const store = await openStore({ file, relay: { ttlMs: 120_000 } })
  const other = await openStore()
  await Promise.all([store.set('a', 1), other.set('a', 2)])
  for (const each of [store, other]) await eventually('it is copied', async () => (await streamsOf(each)).length === 3)
  for (const key of await streamsOf(store)) expect(await raw.pttl(key)).toBeLessThanOrEqual(120_000)
  await store.close()
  expect(await dropRelay({ redis: server.url, log: store.logId })).toBe(true)
  expect(await streamsOf(store)).toEqual([])
  expect(await streamsOf(other)).toHaveLength(3)
  expect(await raw.zrange('tidemark:logs', '0', '-1')).toEqual([other.logId])
  expect(await dropRelay({ redis: { url: server.url }, log: store.logId })).toBe(false)
  const again = await openStore({ file })
  expect(await again.get('a')).toBe(1)
})

test.each([
  [{ redis: 'redis://127.0.0.1:1', log: '' }],
  [{ redis: undefined, log: 'x' }],
  [{ redis: 'redis://127.0.0.1:1', log: 'x', file: 'app.db' }],
])('dropRelay refuses what it cannot mean: %o', async (options) => {
  await expect(dropRelay(options as never)).rejects.toThrow(TypeError)
})

test('a wrong ttlMs is refused by name', async () => {
  await expect(openStore({ relay: { ttlMs: 10 } })).rejects.toThrow(/option ttlMs/)
})
