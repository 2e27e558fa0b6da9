import type { Log, MemoryBack, Write } from '@tidemark/core'
import { commit, deleting, eventually, setting, startRedis, startRelay } from '@tidemark/testkit'
import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createRedisRelay,
  type RedisRelay,
  type RedisRelayOptions,
  type RedisStreamLog,
  type RedisStreamLogOptions,
} from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
import { rawClient } from './support/fronts.ts'
import { allOf, logWith, openBack, openRelay, openStreamLog, plain } from './support/relays.ts'
import { useServer } from './support/use-server.ts'

const NAMES = keyspaceOf('tidemark')

const used = useServer()
let back: MemoryBack
beforeEach(() => {
  back = openBack()
})

const relayOf = (log: Log, options?: Partial<RedisRelayOptions>): RedisRelay => openRelay(used.server, log, options)
const streamLog = (options?: Partial<RedisStreamLogOptions>): Promise<RedisStreamLog> =>
  openStreamLog(used.server, options)

async function write(n: number, from = 1): Promise<void> {
  for (let i = from; i < from + n; i++) await commit(back, setting(['key', i], { i }))
}

test('a stream shows what the log does: values, meta, paths, expiries, deletes, whole commits', async () => {
  relayOf(back.log)
  await commit(
    back,
    setting('a', { n: 1 }, { meta: { by: 'ada' }, expiresAt: 4e12 }),
    setting('b', [1, 2], { path: ['x', 0] }),
  )
  await commit(back, deleting('a'))
  const copied = { ...setting('copied', 1), source: { log: 'elsewhere', seq: 7, at: 5, origin: 'there' } }
  await commit(back, copied as Write)
  await commit(back, ...Array.from({ length: 250 }, (_, i) => setting(['many', i], 'x'.repeat(4_000))))
  await write(30)
  const head = await back.log.head()
  const log = await streamLog()
  expect(log.identity).toEqual(back.log.identity)
  const shown = await allOf(log, 0, head)
  expect(shown[3]).toMatchObject({ origin: 'there', source: { log: 'elsewhere', seq: 7 } })
  expect(plain(shown)).toEqual(plain(await allOf(back.log, 0, head)))
  for (let after = 0; after < head;) {
    const { changes } = await log.read({ after, limit: 1 })
    expect([changes[0]!.first, changes.at(-1)!.last]).toEqual([after + 1, changes.at(-1)!.seq])
    after = changes.at(-1)!.seq
  }
})

test('any number of relays copy a change once', async () => {
  const relays = [relayOf(back.log), relayOf(back.log), relayOf(back.log)]
  const log = await streamLog()
  for (let round = 0; round < 50; round++) await Promise.all([write(1, round), write(1, -round)])
  const head = await back.log.head()
  expect(plain(await allOf(log, 0, head))).toEqual(plain(await allOf(back.log, 0, head)))
  const appended = (): number => relays.reduce((sum, { stats }) => sum + stats.appended, 0)
  // The stream may be read before a relay has the reply to what it has appended.
  await eventually('they know what they have copied', () => appended() >= head)
  expect(appended()).toBe(head)
  expect(relays.reduce((sum, { stats }) => sum + stats.starts, 0)).toBe(1)
  expect(Number(await rawClient(used.server).hget(NAMES.streamMeta, 'l'))).toBe(head)
})

test('others take over from a relay that ends, and from one that was the only one to write', async () => {
  const first = relayOf(back.log)
  relayOf(back.log)
  const log = await streamLog()
  await write(20)
  await allOf(log, 0, 20)
  await first.close()
  await write(20)
  expect(await allOf(log, 20, 40)).toHaveLength(20)
})

describe('what Redis loses is filled again from the log', () => {
  const losses: readonly [what: string, lose: (redis: ReturnType<typeof rawClient>) => Promise<unknown>][] = [
    ['everything', (redis) => redis.flushall()],
    ['the stream', (redis) => redis.del(NAMES.stream)],
    ['its hash', (redis) => redis.del(NAMES.streamMeta)],
    [
      'its newest entries',
      async (redis) => {
        const newest = await redis.xrevrange(NAMES.stream, '+', '-', 'COUNT', 5)
        await redis.xdel(NAMES.stream, ...newest.map(([id]) => id))
      },
    ],
    ['all entries', (redis) => redis.xtrim(NAMES.stream, 'MAXLEN', 0)],
    ['a field of its hash', (redis) => redis.hdel(NAMES.streamMeta, 'b')],
    ['its end, behind an entry of somebody else', (redis) => redis.xadd(NAMES.stream, '99-0', 'foreign', 'entry')],
    ['its type', (redis) => redis.set(NAMES.stream, 'text')],
  ]
  test.each(losses)('%s', async (_what, lose) => {
    relayOf(back.log)
    const log = await streamLog()
    await write(30)
    const before = await allOf(log, 0, 30)
    await lose(rawClient(used.server))
    // Nothing is written, and the relay finds out.
    expect(await allOf(log, 20, 30)).toHaveLength(10)
    await write(10)
    const after = await allOf(log, 25, 40)
    expect(plain([...before.slice(0, 25), ...after])).toEqual(plain(await allOf(back.log, 0, 40)))
    const anew = await streamLog()
    expect(plain(await allOf(anew, 0, 40))).toEqual(plain(await allOf(back.log, 0, 40)))
  })
})

test('entries that somebody has removed are a gap, never skipped in silence', async () => {
  relayOf(back.log)
  const log = await streamLog()
  for (let i = 1; i <= 10; i++) {
    await write(1, i)
    await allOf(log, i - 1, i)
  }
  await rawClient(used.server).xdel(NAMES.stream, '5-0')
  expect((await log.read({ after: 0, limit: 100 })).changes.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  await expect(log.read({ after: 4, limit: 100 })).rejects.toMatchObject({ code: 'LOG_GAP' })
})

test('who is further behind than the stream reaches is told so', async () => {
  relayOf(back.log, { keep: 10 })
  const log = await streamLog()
  for (let i = 1; i <= 40; i++) {
    await write(1, i)
    await allOf(log, i - 1, i)
  }
  await expect(log.read({ after: 3, limit: 5 })).rejects.toMatchObject({ code: 'LOG_COMPACTED', head: 40 })
  const floor = await log.floor()
  expect(floor).toBeGreaterThanOrEqual(25)
  expect(await allOf(log, floor, 40)).toHaveLength(40 - floor)
})

test('a stream begins with the commit that what is kept begins in', async () => {
  await commit(back, ...Array.from({ length: 20 }, (_, i) => setting(i, i)))
  await write(5)
  relayOf(back.log, { keep: 10 })
  const log = await streamLog()
  expect(await log.floor()).toBe(0)
  expect(await allOf(log, 0, 25)).toHaveLength(25)
})

test('a value that is too large stays behind, and its change says so', async () => {
  relayOf(back.log, { maxValueBytes: 100 })
  await commit(back, setting('large', 'x'.repeat(200)), setting('small', 'x'))
  const [large, small] = await allOf(await streamLog(), 0, 2)
  expect(large).toMatchObject({ leftOut: true, payload: undefined })
  expect(small).not.toHaveProperty('leftOut')
  expect(small!.payload!.read()).toBe('x')
})

test('a restore that was declared is another epoch: the stream starts anew', async () => {
  relayOf(back.log)
  const log = await streamLog()
  await write(5)
  await allOf(log, 0, 5)
  await back.restored()
  await write(1)
  await eventually('the stream is of the new epoch', async () => {
    await log.head()
    return log.identity.epoch === back.log.identity.epoch
  })
})

test('a restore that was not declared: a reader learns that its history is gone', async () => {
  const relay = relayOf(back.log)
  const log = await streamLog()
  await write(9)
  await allOf(log, 0, 9)
  await relay.close()
  // The same id and epoch, and other changes.
  const other = openBack()
  for (let i = 0; i < 12; i++) await commit(other, setting('other', i))
  const restored = logWith(other.log, { identity: back.log.identity })
  relayOf(restored)
  await expect(allOf(log, 9, 12)).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
})

test('waiting goes on through an outage, and ends when its signal aborts', async () => {
  await using own = await startRedis()
  relayOf(back.log, { url: own.url })
  const log = await streamLog({ url: own.url })
  await write(3)
  await allOf(log, 0, 3)
  const { signal } = new AbortController()
  const waiting = log.wait(3, signal)
  await own.kill()
  await write(1)
  await own.restart()
  await waiting
  expect(await allOf(log, 3, 4)).toHaveLength(1)
  const stop = new AbortController()
  const aborted = log.wait(100, stop.signal)
  stop.abort(new Error('enough'))
  await expect(aborted).rejects.toThrow('enough')
  expect(getEventListeners(signal, 'abort')).toEqual([])
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
})

test('a connection whose other end is silent is given up', async () => {
  await using between = await startRelay(used.server.port)
  relayOf(back.log)
  const log = await streamLog({ url: between.url, commandTimeoutMs: 200 })
  await write(1)
  await allOf(log, 0, 1)
  const waiting = log.wait(1, new AbortController().signal)
  between.swallow()
  await write(1)
  await waiting
  expect(await allOf(log, 1, 2)).toHaveLength(1)
})

test('without a stream, opening one says what is missing', async () => {
  await expect(streamLog({ patienceMs: 50 })).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true })
})

test('a closed one refuses, and lets go of who waits', async () => {
  relayOf(back.log)
  const log = await streamLog()
  const waiting = log.wait(0, new AbortController().signal).catch((error: unknown) => error)
  await log.close()
  expect(await waiting).toMatchObject({ code: 'CLOSED' })
  await expect(log.read({ after: 0, limit: 1 })).rejects.toMatchObject({ code: 'CLOSED' })
  await log.close()
})

test.each([
  [{ keep: 0 }, RangeError],
  [{ maxValueBytes: -1 }, RangeError],
  [{ log: {} as Log }, TypeError],
  [{ kepp: 1 }, TypeError],
] as const)('wrong options are refused: %o', (options, error) => {
  expect(() =>
    createRedisRelay({
      url: used.server.url,
      log: back.log,
      onError: () => {},
      ...(options as object),
    } as RedisRelayOptions),
  ).toThrow(error)
})
