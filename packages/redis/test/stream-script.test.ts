import { type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { keyspaceOf } from '../src/keyspace.ts'
import type { Script } from '../src/scripts/script.ts'
import { STREAM_APPEND, STREAM_START } from '../src/scripts/stream.ts'
import { rawClient } from './support/fronts.ts'

const { stream, streamMeta, streamTags } = keyspaceOf('bench')

let server: RedisServer
let client: ReturnType<typeof rawClient>
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  client = rawClient(server)
  await client.flushall()
})

const run = (script: Script, args: readonly (string | number)[]): Promise<unknown> =>
  client.eval(script.source, 3, stream, streamMeta, streamTags, ...args)

interface Start {
  readonly seen: string
  readonly generation: string
  readonly id?: string
  readonly epoch: number
  readonly base?: number
  readonly ttlMs?: number
}

const start = ({ seen, generation, id = 'log', epoch, base = 0, ttlMs = 0 }: Start): Promise<unknown> =>
  run(STREAM_START, [seen, generation, id, epoch, base, 1_000, ttlMs])

interface Run {
  readonly first: number
  readonly last: number
  /** Where a commit ends in it; by default at its end. */
  readonly whole?: number
  /** The end of the commit that a run before it has begun. */
  readonly boundary?: number
  readonly tags?: string
}

const append = (generation: string, keep: number, ...runs: readonly Run[]): Promise<unknown> =>
  appendFor(0, generation, keep, ...runs)

const appendFor = (ttlMs: number, generation: string, keep: number, ...runs: readonly Run[]): Promise<unknown> =>
  run(STREAM_APPEND, [
    generation,
    keep,
    1_000,
    ttlMs,
    ...runs.flatMap(({ first, last, whole = last, boundary = first - 1, tags = '' }) => [
      first,
      last,
      boundary,
      whole,
      tags,
      'd',
    ]),
  ])

const ids = async (): Promise<string[]> => (await client.xrange(stream, '-', '+')).map(([id]) => id)

test('a start replaces what it has seen, and nothing else', async () => {
  expect(await start({ seen: '-', generation: 'one', epoch: 1 })).toBe('one')
  await append('one', 100, { first: 1, last: 3, tags: '["t",2]' })
  expect(await start({ seen: '-', generation: 'late', epoch: 9 })).toBe('one')
  expect(await ids()).toEqual(['3-0'])
  expect(await start({ seen: 'one', generation: 'two', epoch: 1, base: 7 })).toBe('two')
  expect(await ids()).toEqual([])
  expect(await client.hgetall(streamMeta)).toEqual({ i: 'log', e: '1', g: 'two', b: '7', l: '7', c: '7', t: '0' })
  expect(await client.hgetall(streamTags)).toEqual({ since: '7', upTo: '7' })
})

test('an older epoch of a log never replaces a newer one; another log does', async () => {
  await start({ seen: '-', generation: 'one', epoch: 10 })
  await append('one', 100, { first: 1, last: 1 })
  expect(await start({ seen: 'one', generation: 'old', epoch: 9 })).toBe('one')
  expect(await ids()).toEqual(['1-0'])
  expect(await start({ seen: 'one', generation: 'other', id: 'another', epoch: 1 })).toBe('other')
  expect(await start({ seen: 'other', generation: 'next', id: 'another', epoch: 2 })).toBe('next')
})

test('what follows is appended, what is there is passed over, and nothing behind a gap', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1, base: 4 })
  expect(await append('one', 100, { first: 6, last: 6 })).toEqual([4, 0])
  expect(await append('one', 100, { first: 5, last: 6 }, { first: 7, last: 7 })).toEqual([7, 3])
  expect(await append('one', 100, { first: 7, last: 7 }, { first: 8, last: 8 })).toEqual([8, 1])
  expect(await append('one', 100, { first: 9, last: 9 }, { first: 11, last: 11 })).toEqual([9, 1])
  expect(await append('one', 100, { first: 8, last: 10 })).toEqual([9, 0])
  expect(await ids()).toEqual(['6-0', '7-0', '8-0', '9-0'])
})

test('nothing is appended in another generation, nor to what has lost something', async () => {
  expect(await append('one', 100, { first: 1, last: 1 })).toEqual([-1, 0])
  await start({ seen: '-', generation: 'one', epoch: 1 })
  expect(await append('two', 100, { first: 1, last: 1 })).toEqual([-1, 0])
  expect(await ids()).toEqual([])
  await append('one', 100, { first: 1, last: 1 }, { first: 2, last: 2 })
  await client.xdel(stream, '2-0')
  expect(await append('one', 100, { first: 3, last: 3 })).toEqual([-1, 0])
  expect(await append('one', 100)).toEqual([-1, 0])
})

test('foreign entries, and keys of another type, are noticed', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1 })
  await client.xadd(stream, '9-0', 'foreign', 'entry')
  expect(await append('one', 100)).toEqual([-1, 0])
  await client.set(stream, 'text')
  expect(await append('one', 100, { first: 1, last: 1 })).toEqual([-1, 0])
  expect(await start({ seen: 'one', generation: 'two', epoch: 1 })).toBe('two')
  expect(await append('two', 100, { first: 1, last: 1 })).toEqual([1, 1])
})

test('keeps what it is told to, and a longer commit until as many changes have followed it', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1 })
  for (let seq = 1; seq <= 6; seq++) await append('one', 3, { first: seq, last: seq })
  expect(await ids()).toEqual(['4-0', '5-0', '6-0'])
  await append('one', 3, { first: 7, last: 8, whole: 0 })
  for (let seq = 9; seq <= 14; seq += 2) await append('one', 3, { first: seq, last: seq + 1, whole: 0, boundary: 16 })
  const commit = ['8-0', '10-0', '12-0', '14-0', '16-0']
  expect(await ids()).toEqual(commit.slice(0, 4))
  expect(await client.hmget(streamMeta, 'l', 'c')).toEqual(['14', '6'])
  expect(await append('one', 3, { first: 15, last: 16, boundary: 16 })).toEqual([16, 2])
  expect(await ids()).toEqual(commit)
  expect(await client.hmget(streamMeta, 'l', 'c')).toEqual(['16', '16'])
  await append('one', 3, { first: 17, last: 17 }, { first: 18, last: 18 })
  expect(await ids()).toEqual([...commit, '17-0', '18-0'])
  await append('one', 3, { first: 19, last: 19 })
  expect(await ids()).toEqual(['17-0', '18-0', '19-0'])
})

test('a commit that is not longer than what is kept does not take the place of one that is', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1 })
  await append('one', 3, { first: 1, last: 3, whole: 0 }, { first: 4, last: 6, boundary: 6 })
  await append('one', 3, { first: 7, last: 7, whole: 0 }, { first: 8, last: 8, boundary: 8 })
  expect(await ids()).toEqual(['3-0', '6-0', '7-0', '8-0'])
  await append('one', 3, { first: 9, last: 10, whole: 0 }, { first: 11, last: 12, boundary: 12 })
  expect(await ids()).toEqual(['10-0', '12-0'])
})

test('a stream that holds all of the log says when it last did', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1 })
  const seconds = Number((await client.time())[0])
  const completeAt = async (): Promise<number> => Number(await client.hget(streamMeta, 't'))
  await append('one', 100, { first: 1, last: 999 })
  expect(await completeAt()).toBe(0)
  await append('one', 100, { first: 1_000, last: 1_000 })
  expect(await completeAt()).toBeGreaterThanOrEqual(seconds * 1_000)
  await client.hset(streamMeta, 't', 1)
  await append('two', 100)
  expect(await completeAt()).toBe(1)
  await append('one', 100)
  expect(await completeAt()).toBeGreaterThan(1)
  await start({ seen: 'one', generation: 'two', epoch: 1, base: 1_000 })
  expect(await completeAt()).toBeGreaterThanOrEqual(seconds * 1_000)
})

test('the last invalidation of each tag is noted, and from where on it would be', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1, base: 5 })
  await append('one', 1, { first: 6, last: 8, tags: '["a",6,"ä:b",7,"a",8]' })
  await append('one', 1, { first: 9, last: 9, whole: 0 })
  expect(await client.hgetall(streamTags)).toEqual({ since: '5', upTo: '8', a: '8', 'ä:b': '7' })
  // What is lost is not taken for what never was.
  await client.del(streamTags)
  await append('one', 1, { first: 10, last: 10, tags: '["c",10]' })
  expect(await client.hgetall(streamTags)).toEqual({ since: '10', upTo: '10', c: '10' })
})

const HOUR_MS = 3_600_000
const ttls = (): Promise<number[]> => Promise.all([stream, streamMeta, streamTags].map((key) => client.pttl(key)))

test('all keys stay for as long as they are told after they were last seen to, and renewing that costs nothing most times', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1, ttlMs: HOUR_MS })
  expect((await ttls()).map((left) => left > 0.9 * HOUR_MS)).toEqual([false, true, true])
  await appendFor(HOUR_MS, 'one', 100, { first: 1, last: 999 })
  expect((await ttls()).every((left) => left > 0.9 * HOUR_MS)).toBe(true)
  const set = (left: number): Promise<unknown> =>
    Promise.all([stream, streamMeta, streamTags].map((key) => client.pexpire(key, left)))
  await set(0.8 * HOUR_MS)
  await appendFor(HOUR_MS, 'one', 100, { first: 1_000, last: 1_000 })
  expect((await ttls()).every((left) => left <= 0.8 * HOUR_MS)).toBe(true)
  await set(0.7 * HOUR_MS)
  // Nothing is written, and it is seen to all the same.
  await appendFor(HOUR_MS, 'one', 100)
  expect((await ttls()).every((left) => left > 0.9 * HOUR_MS)).toBe(true)
})

test('keys that are to stay for ever lose their end, and those that had none get one', async () => {
  await start({ seen: '-', generation: 'one', epoch: 1, ttlMs: HOUR_MS })
  await appendFor(0, 'one', 100, { first: 1, last: 1 })
  expect(await ttls()).toEqual([-1, -1, -1])
  await appendFor(HOUR_MS, 'one', 100)
  expect((await ttls()).every((left) => left > 0)).toBe(true)
})
