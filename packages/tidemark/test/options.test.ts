import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import {
  type Clock,
  type ConditionOptions,
  type DeleteResult,
  type Item,
  type Key,
  type ListOptions,
  open,
  type OpenOptions,
  type SetOptions,
  type Tidemark,
  type TieredReadOptions,
  type TieredWriteOptions,
  type UpdateResult,
  type WriteResult,
} from 'tidemark'
import { resolveOptions } from '../src/options.ts'

const redis = { url: 'redis://127.0.0.1:1', ttlMs: 30_000, negativeTtlMs: 5_000 }

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-open-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

describe('a wrong option is refused, by name', () => {
  test.each<[options: unknown, type: typeof TypeError | typeof RangeError, message: RegExp]>([
    [null, TypeError, /object of options/],
    [[], TypeError, /options must be an object/],
    [{ redis: { url: 'redis://127.0.0.1:1', clock: {} } }, TypeError, /unknown option clock of redis/],
    [{ clock: {} }, TypeError, /option clock must be an object with the methods now/],
    [{ codec: {} }, TypeError, /option codec must be an object with the methods encode, decode/],
    [{ busyTimeoutMs: -1 }, RangeError, /option busyTimeoutMs/],
    [{ synchronous: 'bogus' }, RangeError, /option synchronous must be one of full, normal, not bogus/],
    [{ redis: 'redis://u:%zz@h' }, TypeError, /the password in the url/],
    [{ path: 'app.db' }, TypeError, /unknown option path; allowed: file, mode, redis, near/],
    [{ file: '' }, RangeError, /file/],
    [{ file: 7 }, TypeError, /file/],
    [{ file: null }, TypeError, /file/],
    [{ near: true }, TypeError, /near must be an object of options, or false/],
    [{ near: { ttl: 5 } }, TypeError, /unknown option ttl of near; allowed: maxEntries/],
    [{ near: { fence: {} } }, TypeError, /unknown option fence of near/],
    [{ near: { maxEntries: 0 } }, RangeError, /maxEntries/],
    [{ near: { ttlMs: Number.NaN } }, RangeError, /ttlMs/],
    [{ near: { maxStaleMs: -1 } }, RangeError, /nearMaxStaleMs/],
    [{ near: { ttlMs: 30_001 }, redis }, RangeError, /near\.ttlMs is 30001, longer than redis\.ttlMs, 30000/],
    [{ near: { negativeTtlMs: 5_001 }, redis }, RangeError, /near\.negativeTtlMs is 5001/],
    [{ redis: 6379 }, TypeError, /redis must be a URL/],
    [{ redis: null }, TypeError, /redis must be a URL/],
    [{ redis: '' }, TypeError, /url must look like redis:/],
    [{ redis: 'http://127.0.0.1' }, TypeError, /url must look like redis:/],
    [{ redis: {} }, TypeError, /either url or connection/],
    [{ redis: { ...redis, ttlms: 1 } }, TypeError, /unknown option ttlms/],
    [{ redis: { ...redis, namespace: 'n'.repeat(96) } }, TypeError, /redis\.namespace is "n{96}"; allowed: 1 to 95/],
    [{ redis: { ...redis, metaTtlMs: 1 } }, TypeError, /unknown option metaTtlMs/],
    [{ redis: { ...redis, namespace: 'a:b' } }, TypeError, /redis\.namespace is "a:b"; allowed/],
    [{ redis: { ...redis, namespace: '' } }, TypeError, /redis\.namespace is ""; allowed/],
    [{ redis: { ...redis, namespace: 7 } }, TypeError, /namespace is "7"; allowed/],
    [{ redis: { ...redis, jitter: 2 } }, RangeError, /jitter/],
    [{ writePolicy: 'write-sideways' }, RangeError, /writePolicy must be one of/],
    [{ readPolicy: 'backend' }, RangeError, /readPolicy must be one of/],
    [{ file: ':memory:', synchronous: 'off' }, RangeError, /synchronous/],
    [{ file: ':memory:', busyTimeoutMs: -1 }, RangeError, /busyTimeoutMs/],
    [{ sweepEveryMs: -1 }, RangeError, /sweepEveryMs must be 0/],
    [{ sweepEveryMs: Number.NaN }, RangeError, /sweepEveryMs/],
    [{ onError: 'console' }, TypeError, /onError must be a function/],
  ])('%o', async (options, type, message) => {
    const opening = open(options as OpenOptions)
    await expect(opening).rejects.toThrow(message)
    await expect(opening).rejects.toBeInstanceOf(type)
  })

  test('a file that cannot be opened says why', async () => {
    await expect(open({ file: join(tempFile(), 'below', 'store.db') })).rejects.toMatchObject({
      code: 'FOLDER_MISSING',
    })
    const file = tempFile()
    writeFileSync(file, 'not a database at all, and long enough to be looked at'.repeat(100))
    await expect(open({ file })).rejects.toMatchObject({ code: 'NOT_A_DATABASE' })
  })

  test('times of near memory that are not given follow those of Redis', async () => {
    await using store = await open({ redis })
    await store.set('k', 1)
    expect(await store.get('k')).toBe(1)
  })
})

describe('when a part refuses, nothing that was opened before it stays', () => {
  test.each<[part: string, options: (file: string) => Partial<OpenOptions>, error: RegExp]>([
    ['the file', (file) => ({ file: join(file, 'below', 'store.db') }), /folder/],
    ['the Redis front', (file) => ({ file, redis: { url: '', jitter: 2 } }), /^option jitter/],
    ['near memory', (file) => ({ file, near: { maxEntries: -1 } }), /^option maxEntries/],
    ['the policies', (file) => ({ file, writePolicy: 'sideways' as never }), /^option writePolicy/],
  ])('%s', async (_part, optionsFor, error) => {
    await using server = await startRedis()
    const raw = new Redis(server.url)
    onTestFinished(() => raw.disconnect())
    const file = tempFile()
    const options = optionsFor(file)
    const shared = typeof options.redis === 'object' ? { ...options.redis, url: server.url } : server.url
    await expect(open({ ...options, redis: shared })).rejects.toThrow(error)
    await eventually('the server sees them go', async () => !String(await raw.client('LIST')).includes('name=tidemark'))
    // SQLite removes it with the last connection.
    expect(existsSync(`${file}-wal`)).toBe(false)
    await using store = await open({ file, redis: server.url })
    await store.set('k', 1)
  })
})

test('near memory stays below the shortest time that Redis gives a record', () => {
  const resolved = resolveOptions({ redis: { ...redis, jitter: 0.5 }, near: { ttlMs: 30_000 } })
  expect(resolved.near).toMatchObject({ ttlMs: 15_000, negativeTtlMs: 2_500 })
  expect(resolveOptions({ redis: redis.url }).near).toMatchObject({ ttlMs: 60_000, negativeTtlMs: 9_000 })
})

test('the types of the calls can be named', () => {
  const named = async (store: Tidemark, key: Key, clock: Clock): Promise<void> => {
    const read: TieredReadOptions = { readPolicy: 'frontend-only', consistency: 'tiered' }
    const set: SetOptions & ConditionOptions & TieredWriteOptions = {
      ttlMs: 1,
      ifVersion: 0,
      writePolicy: 'write-around',
    }
    const list: ListOptions = { prefix: key, limit: 1 }
    const items: Item[] = [[key, 1, { meta: clock.now() }]]
    const written: WriteResult[] = [await store.set(key, 1, set), await store.setMany(items)]
    const updated: UpdateResult<number> = await store.update<number>(key, (old) => old)
    const deleted: DeleteResult = await store.delete(key)
    expect([store.keys(list), await store.get(key, read), written, updated, deleted]).toBeDefined()
  }
  // Never called: the compiler is the test.
  expectTypeOf(named).toBeFunction()
})

test('wrong options do not compile', () => {
  // Never called: the compiler is the test.
  const wrong = (store: Tidemark): unknown => [
    // @ts-expect-error unknown option
    open({ path: 'app.db' }),
    // @ts-expect-error a number is no URL
    open({ redis: 6379 }),
    // @ts-expect-error near memory has no policy
    open({ near: { writePolicy: 'write-through' } }),
    // @ts-expect-error the front is given its codec
    open({ redis: { url: 'redis://127.0.0.1', codec: undefined } }),
    // @ts-expect-error not a policy
    open({ writePolicy: 'write-sideways' }),
    // @ts-expect-error not a policy of a call either
    store.set('k', 1, { writePolicy: 'write-sideways' }),
    // @ts-expect-error a read has no write policy
    store.get('k', { writePolicy: 'write-through' }),
    // @ts-expect-error a function is no key
    store.get(() => 'k'),
    // @ts-expect-error a key has no property
    store.delete({ id: 1 }),
    // @ts-expect-error unknown option
    store.getOrSet('k', () => 1, { ttl: 5 }),
    // @ts-expect-error tags are a list
    store.getOrSet('k', () => 1, { tags: 'a' }),
    // @ts-expect-error a value is no loader
    store.getOrSet('k', 1),
    // @ts-expect-error what is loaded is not what is wanted
    store.getOrSet<string>('k', () => 1),
    // @ts-expect-error tags are text
    store.set('k', 1, { tags: [1] }),
    // @ts-expect-error a tag is no key
    store.invalidateTag(['user', 1]),
  ]
  expectTypeOf(wrong).toBeFunction()
  const loaded = (store: Tidemark): Promise<{ n: number } | undefined> =>
    store.getOrSet('k', async ({ key, signal, previous }) => ({
      n: key.length + (signal.aborted ? 1 : (previous?.version ?? 0)),
    }))
  expectTypeOf(loaded).toBeFunction()
  expectTypeOf(open).returns.resolves.toEqualTypeOf<Tidemark>()
  expectTypeOf<Tidemark['get']>().returns.toEqualTypeOf<Promise<unknown>>()
})
