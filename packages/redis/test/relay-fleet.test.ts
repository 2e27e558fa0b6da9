import type { LogPage, LogReadOptions, MemoryBack } from '@tidemark/core'
import { commit, eventually, ManualClock, type RedisServer, setting, startRedis, startRelay } from '@tidemark/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createRedisRelay } from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
import { rawClient } from './support/fronts.ts'
import { allOf, logWith, openBack, openRelay, openStreamLog, plain } from './support/relays.ts'

const { streamMeta } = keyspaceOf('tidemark')
/** Longer than a test: what ends within it was not waited for. */
const ENDLESS_MS = 3_600_000

let server: RedisServer
let back: MemoryBack
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  await rawClient(server).flushall()
  back = openBack()
})

const write = (i: number): Promise<unknown> => commit(back, setting(['key', i], { i }))

test('a relay that is always late neither reads nor sends what another one copies, until that one ends', async () => {
  const clock = new ManualClock()
  const active = openRelay(server, back.log)
  const log = await openStreamLog(server)
  let reads = 0
  let isHeld = true
  const read = async (options: LogReadOptions): Promise<LogPage> => {
    const page = await back.log.read(options)
    if (options.values === false || page.changes.length === 0) return page
    reads++
    if (isHeld) await allOf(log, options.after, page.changes.at(-1)!.seq)
    return page
  }
  const late = openRelay(server, logWith(back.log, { read }), { clock })
  await eventually('it knows the stream', () => late.stats.head === 0)
  let seq = 0
  for (let i = 1; i <= 3; i++) {
    await write(++seq)
    await eventually('it was late', () => late.stats.head === seq)
  }
  expect(reads).toBe(3)
  for (let i = 0; i < 20; i++) {
    await write(++seq)
    await allOf(log, seq - 1, seq)
    await eventually('it has looked', () => {
      clock.advance(20)
      return late.stats.head === seq
    })
  }
  expect([reads, late.stats.appended]).toEqual([3, 0])
  await active.close()
  isHeld = false
  await write(++seq)
  await eventually('it has taken over', () => {
    clock.advance(20)
    return late.stats.appended === 1
  })
})

test('relays of two logs in one namespace, or of two epochs, do not fight at full speed', async () => {
  const clock = new ManualClock()
  const other = openBack()
  await write(1)
  const relays = [back, other].map(({ log }) => openRelay(server, log, { clock }))
  const redis = rawClient(server)
  for (let ms = 0; ms < 1_000; ms += 10) {
    clock.advance(10)
    await redis.ping()
  }
  for (const { stats } of relays) expect(stats.starts).toBeLessThanOrEqual(7)
})

test('a relay that has not heard of a restore leaves the stream to those who have', async () => {
  const { identity } = back.log
  const clock = new ManualClock()
  openRelay(server, logWith(back.log, { identity: { ...identity, epoch: identity.epoch + 1 } }))
  const log = await openStreamLog(server)
  const behind = openRelay(server, back.log, { clock })
  await write(1)
  await allOf(log, 0, 1)
  const redis = rawClient(server)
  const generation = await redis.hget(streamMeta, 'g')
  for (let i = 0; i < 100; i++) {
    clock.advance(100)
    await redis.ping()
  }
  expect(behind.stats).toMatchObject({ starts: 0, appended: 0 })
  expect(await redis.hget(streamMeta, 'g')).toBe(generation)
})

test('connections that break at any time lose nothing and double nothing', async () => {
  await using between = await startRelay(server.port)
  openRelay(server, back.log, { url: between.url })
  openRelay(server, back.log, { url: between.url })
  const log = await openStreamLog(server)
  for (let i = 1; i <= 40; i++) {
    await write(i)
    // Sooner or later after it was sent: executed with its reply lost, or not at all.
    for (let k = 0; k < i % 5; k++) await rawClient(server).ping()
    between.cut()
  }
  expect(plain(await allOf(log, 0, 40))).toEqual(plain(await allOf(back.log, 0, 40)))
})

test('closing does not wait for a server that is silent', async () => {
  await using between = await startRelay(server.port)
  const options = { url: between.url, commandTimeoutMs: ENDLESS_MS }
  const relay = openRelay(server, back.log, options)
  const log = await openStreamLog(server, options)
  await write(1)
  await allOf(log, 0, 1)
  between.swallow()
  const reading = log.read({ after: 1, limit: 1 }).catch((error: unknown) => error)
  await write(2)
  await Promise.all([relay.close(), log.close()])
  expect(await reading).toMatchObject({ code: 'CLOSED' })
})

test('closing ends an attempt to attach', async () => {
  const clock = new ManualClock()
  const atWork = Promise.withResolvers<void>()
  const head = (): Promise<number> => {
    atWork.resolve()
    return back.log.head()
  }
  const relay = createRedisRelay({ url: server.url, log: logWith(back.log, { head }), clock, onError: () => {} })
  await atWork.promise
  await relay.close()
  await relay.close()
})
