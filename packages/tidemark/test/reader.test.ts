import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  type Change,
  type Key,
  open,
  openReader,
  type ReaderOptions,
  type Tidemark,
  TidemarkError,
  type TidemarkReader,
} from '../src/index.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

let store: Tidemark
beforeEach(async () => {
  store = await openStore()
})

async function openStore(redis: object = {}): Promise<Tidemark> {
  const opened = await open({
    file: tempFile(),
    redis: { url: server.url, commandTimeoutMs: 5_000, ...redis },
    relay: true,
  })
  onTestFinished(() => opened.close())
  return opened
}

async function openNearby(options: Partial<ReaderOptions> = {}): Promise<TidemarkReader> {
  const reader = await openReader({ redis: server.url, log: store.logId, ...options })
  onTestFinished(() => reader.close())
  return reader
}

/** undefined as long as Redis does not hold it. */
async function held(reader: TidemarkReader, key: Key): Promise<unknown> {
  try {
    return await reader.get(key)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'NOT_HELD') return undefined
    throw error
  }
}

/** Reads until the reader has heard of everything that was written. */
async function caughtUp(reader: TidemarkReader): Promise<void> {
  await eventually('the reader has caught up', async () => reader.position === (await store.head()))
}

test('reads what the others write, and what they delete, as soon as the stream tells', async () => {
  const reader = await openNearby()
  await store.set(['user', 1], { name: 'Ada' }, { meta: { by: 'test' } })
  await store.set('gone', 1)
  await store.delete('gone')
  await caughtUp(reader)
  await eventually('it reads it', async () => (await held(reader, ['user', 1])) !== undefined)
  expect(await reader.get(['user', 1])).toEqual({ name: 'Ada' })
  expect(await reader.entry(['user', 1])).toMatchObject({ version: 1, meta: { by: 'test' } })
  expect(await reader.has('gone')).toBe(false)
  expect([...(await reader.getMany([['user', 1], 'gone'])).keys()]).toEqual([['user', 1]])
})

test('reads what Redis held before it was opened, of this epoch alone', async () => {
  await eventually('Redis is in use', async () => (await store.explain('k')).fronts[0]?.certificate !== undefined)
  await store.set('before', 'there')
  await store.set('before', 'here')
  const reader = await openNearby()
  await eventually('it reads it', async () => (await held(reader, 'before')) === 'here')
})

test('what was replaced is never read again', async () => {
  const reader = await openNearby()
  for (let i = 1; i <= 100; i++) {
    const { version } = await store.set('k', i)
    await eventually('the reader has heard', () => reader.position >= version)
    const seen = await reader.entry('k')
    expect([undefined, i]).toContain(seen?.value)
  }
})

test('follows the log with the same tokens as an instance that has the file', async () => {
  const reader = await openNearby()
  await store.setMany([
    ['a', 1],
    ['b', 2],
  ])
  await store.set('c', 3)
  const here: Change[] = []
  let token: string | undefined
  for await (const batch of reader.changes({ from: 'start' })) {
    here.push(...batch.changes)
    token = batch.token
    if (here.length === 3) break
  }
  expect(here.map(({ seq, key, value, txn }) => [seq, key, value, txn.last])).toEqual([
    [1, ['a'], 1, 2],
    [2, ['b'], 2, 2],
    [3, ['c'], 3, 3],
  ])
  await store.set('d', 4)
  await eventually('the reader has followed', () => reader.position === 4)
  // Who replays the past does not bring it back.
  await store.set('a', 9)
  await eventually('the reader has followed', () => reader.position === 5)
  for await (const _ of reader.changes({ from: 'start' })) break
  expect(await reader.get('a')).toBe(9)
  for (const follower of [store, reader]) {
    for await (const batch of follower.changes({ after: token })) {
      expect(batch.changes.map(({ key }) => key)).toEqual([['d'], ['a']])
      break
    }
  }
})

test('a tag that was never invalidated hides nothing, also from who opens later', async () => {
  const reader = await openNearby()
  await store.set('tagged', 1, { tags: ['t', 'u'] })
  await caughtUp(reader)
  expect(await reader.get('tagged')).toBe(1)
  await eventually('Redis is in use', async () => (await store.explain('k')).fronts[0]?.certificate !== undefined)
  await store.set('tagged', 2, { tags: ['t', 'u'] })
  const later = await openNearby()
  await eventually('it reads it', async () => (await held(later, 'tagged')) === 2)
  await store.invalidateTag('u')
  await caughtUp(later)
  expect(await later.get('tagged')).toBeUndefined()
  await store.set('tagged', 3, { tags: ['t', 'u'] })
  await caughtUp(later)
  expect(await later.get('tagged')).toBe(3)
})

test('a tag that was invalidated hides what carries it', async () => {
  const reader = await openNearby()
  await store.set('tagged', 1, { tags: ['t'] })
  await store.set('other', 1)
  await caughtUp(reader)
  expect(await reader.get('tagged')).toBe(1)
  await store.invalidateTag('t')
  await caughtUp(reader)
  expect(await reader.get('tagged')).toBeUndefined()
  expect(await reader.get('other')).toBe(1)
})

/** Redis is emptied, and the stream filled again: who opens a reader now has nothing left to hear. */
async function flushed(): Promise<void> {
  const head = String(await store.head())
  await inRedis(async (redis) => {
    await redis.flushall()
    const isFilled = async (): Promise<boolean> => (await redis.hget(`tidemark.${store.logId}:{p0}.sm`, 'c')) === head
    await eventually('the stream is filled again', isFilled)
  })
}

async function inRedis(work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(server.url)
  try {
    await work(redis)
  } finally {
    redis.disconnect()
  }
}

test('what Redis does not hold is not told to be absent', async () => {
  await store.set('x', { a: 1 })
  await store.set('y', 1)
  await flushed()
  const reader = await openNearby()
  const notHeld = { code: 'NOT_HELD', key: 'x', message: expect.stringContaining('instance with the file') as string }
  await expect(reader.get('x')).rejects.toMatchObject(notHeld)
  await expect(reader.has('x')).rejects.toMatchObject(notHeld)
  await expect(reader.entry('x')).rejects.toMatchObject(notHeld)
  await expect(reader.getIn('x', ['a'], { default: 2 })).rejects.toMatchObject(notHeld)
  await expect(reader.get('never')).rejects.toMatchObject({ code: 'NOT_HELD', key: 'never' })
  await store.set('new', 1)
  await store.delete('y')
  await caughtUp(reader)
  // Each that is not held is named; what the stream has told, and what it has told to be gone, is known.
  const many = reader.getMany(['new', 'x', 'y', 'never'])
  await expect(many).rejects.toMatchObject({ code: 'NOT_HELD', key: 'x', message: expect.stringMatching(/x, never/) })
  expect([...(await reader.getMany(['new', 'y'])).keys()]).toEqual([['new']])
  expect([await reader.get('y'), await reader.has('y')]).toEqual([undefined, false])
})

test('what an instance with the file has found to be absent is known to be', async () => {
  await store.set('k', 1)
  await eventually('Redis is in use', async () => (await store.explain('k')).fronts[0]?.certificate !== undefined)
  expect(await store.get('never')).toBeUndefined()
  const reader = await openNearby()
  await eventually('Redis has it', async () => {
    const seen = await reader.has('never').catch((error: TidemarkError) => error.code)
    expect([false, 'NOT_HELD']).toContain(seen)
    return seen === false
  })
  expect((await reader.getMany(['never'])).size).toBe(0)
})

test('what carries a tag of which Redis does not know is not told to be absent', async () => {
  const reader = await openNearby()
  await store.set('tagged', 1, { tags: ['t', 'u'] })
  await store.set('other', 1)
  await caughtUp(reader)
  await inRedis((redis) => redis.del(`tidemark.${store.logId}:{p0}.st`))
  await expect(reader.get('tagged')).rejects.toMatchObject({ code: 'NOT_HELD', key: 'tagged' })
  await expect(reader.getMany(['other', 'tagged'])).rejects.toMatchObject({ code: 'NOT_HELD', key: 'tagged' })
  // One of its tags is enough to know.
  await store.invalidateTag('t')
  await caughtUp(reader)
  await inRedis((redis) => redis.del(`tidemark.${store.logId}:{p0}.st`))
  expect(await reader.get('tagged')).toBeUndefined()
  expect([...(await reader.getMany(['other', 'tagged'])).keys()]).toEqual([['other']])
})

test('a cache may take what Redis does not hold for absent', async () => {
  await store.set('x', 1)
  await flushed()
  const reader = await openNearby({ unheld: 'absent' })
  expect([await reader.get('x'), await reader.has('x'), await reader.getIn('x', [], { default: 2 })]).toEqual([
    undefined,
    false,
    2,
  ])
  expect((await reader.getMany(['x'])).size).toBe(0)
  await expect(openNearby({ unheld: 'nothing' as never })).rejects.toThrow(RangeError)
})

test('refuses what needs the file, and says where it can be done', async () => {
  const reader = await openNearby()
  await expect(reader.set('k', 1)).rejects.toMatchObject({
    code: 'READ_ONLY',
    message: expect.stringContaining('instance') as string,
  })
  await expect(reader.update('k', () => 1)).rejects.toMatchObject({ code: 'READ_ONLY' })
  await expect(reader.getOrSet('k', () => 1)).rejects.toMatchObject({ code: 'READ_ONLY' })
  await expect(reader.keys()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'NEEDS_FILE' })
  await expect(reader.get('k', { consistency: 'linearizable' })).rejects.toMatchObject({ code: 'NEEDS_FILE' })
})

test('says that a snapshot, too, needs the file, and nothing of what could be done without', async () => {
  const reader = await openNearby()
  const options = { onCompacted: 'snapshot' } as never
  const refused = { code: 'NEEDS_FILE', message: expect.stringContaining('an instance with the file') as string }
  expect(() => reader.changes(options)).toThrow(expect.objectContaining(refused) as Error)
  expect(() => reader.changes$(options)).toThrow(expect.objectContaining(refused) as Error)
  const listing = reader.entries()[Symbol.asyncIterator]().next()
  await expect(listing).rejects.toMatchObject(refused)
  await expect(listing).rejects.not.toThrow(/a store of your own/)
})

test('goes on when Redis was flushed', async () => {
  const reader = await openNearby()
  await store.set('k', 1)
  await caughtUp(reader)
  await flushed()
  await store.set('k', 2)
  await eventually('it reads the new value', async () => (await held(reader, 'k')) === 2)
})

test('finds the only log of a namespace; of several, one has to be chosen; of none, it says so', async () => {
  const alone = await openStore({ namespace: 'alone' })
  const found = await openReader({ redis: { url: server.url, namespace: 'alone' } })
  onTestFinished(() => found.close())
  expect(found.logId).toBe(alone.logId)
  await openStore({ namespace: 'alone' })
  await eventually('both are announced', async () => {
    const error = await openReader({ redis: { url: server.url, namespace: 'alone' } }).then(
      (reader) => reader.close(),
      (thrown: unknown) => thrown,
    )
    return error instanceof TypeError && error.message.includes(alone.logId)
  })
  await expect(openReader({ redis: { url: server.url, namespace: 'nobody' }, patienceMs: 30 })).rejects.toMatchObject({
    code: 'FRONT_UNAVAILABLE',
  })
})

test('wrong options are refused', async () => {
  await expect(openReader({ redis: 5 as never })).rejects.toThrow(TypeError)
  await expect(openReader({ redis: server.url, fiel: 'x' } as never)).rejects.toThrow(/fiel/)
  await expect(open({ relay: true })).rejects.toThrow(/redis/)
  await expect(open({ redis: server.url, relay: { kep: 1 } as never })).rejects.toThrow(/kep/)
})
