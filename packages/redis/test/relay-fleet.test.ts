import type { LogPage, LogReadOptions, MemoryBack } from '@tidemark/core'
import { commit, eventually, ManualClock, setting, startRelay } from '@tidemark/testkit'
import { beforeEach, expect, test } from 'vitest'
import { createRedisRelay } from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
import { rawClient } from './support/fronts.ts'
import { allOf, logWith, openBack, openRelay, openStreamLog, plain } from './support/relays.ts'
import { useServer } from './support/use-server.ts'

const { streamMeta } = keyspaceOf('tidemark')
/** Longer than a test: what ends within it was not waited for. */
const ENDLESS_MS = 3_600_000

const used = useServer()
let back: MemoryBack
beforeEach(() => {
  back = openBack()
})

const write = (i: number): Promise<unknown> => commit(back, setting(['key', i], { i }))

test('a relay that is always late neither reads nor sends what another one copies, until that one ends', async () => {
  const clock = new ManualClock()
  const active = openRelay(used.server, back.log)
  const log = await openStreamLog(used.server)
  let reads = 0
  let isHeld = true
  const read = async (options: LogReadOptions): Promise<LogPage> => {
    const page = await back.log.read(options)
    reads++
    if (isHeld && page.changes.length > 0) await allOf(log, options.after, page.changes.at(-1)!.seq)
    return page
  }
  const late = openRelay(used.server, logWith(back.log, { read }), { clock })
  await eventually('it knows the stream', () => late.stats.head === 0)
  let seq = 0
  for (let i = 1; i <= 3; i++) {
    await write(++seq)
    await eventually('it was late', () => late.stats.head === seq)
  }
  const before = reads
  for (let i = 0; i < 20; i++) {
    await write(++seq)
    await allOf(log, seq - 1, seq)
    await eventually('it has looked', () => {
      clock.advance(20)
      return late.stats.head === seq
    })
  }
  expect([reads, late.stats.appended]).toEqual([before, 0])
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
  const relays = [back, other].map(({ log }) => openRelay(used.server, log, { clock }))
  const redis = rawClient(used.server)
  for (let ms = 0; ms < 1_000; ms += 20) {
    clock.advance(20)
    for (let i = 0; i < 20; i++) await redis.ping()
  }
  for (const { stats } of relays) expect(stats.starts).toBeLessThanOrEqual(7)
})

test('a relay that comes while another one goes on takes the stream as it is', async () => {
  openRelay(used.server, back.log, { keep: 1 })
  const log = await openStreamLog(used.server)
  await write(1)
  await allOf(log, 0, 1)
  const floor = async (): Promise<number> => {
    // What it has just seen as the end is gone when it looks for it.
    if ((await back.log.head()) < 4) {
      for (let seq = 2; seq <= 4; seq++) {
        await write(seq)
        await eventually('it is copied', async () => (await log.head()) === seq)
      }
    }
    return back.log.floor()
  }
  const late = openRelay(used.server, logWith(back.log, { floor }), { keep: 1 })
  await eventually('it has taken it', () => late.stats.head === 4)
  expect(late.stats.starts).toBe(0)
})

test('a relay that has not heard of a restore leaves the stream to those who have', async () => {
  const { identity } = back.log
  const clock = new ManualClock()
  openRelay(used.server, logWith(back.log, { identity: { ...identity, epoch: identity.epoch + 1 } }))
  const log = await openStreamLog(used.server)
  const behind = openRelay(used.server, back.log, { clock })
  await write(1)
  await allOf(log, 0, 1)
  const redis = rawClient(used.server)
  const generation = await redis.hget(streamMeta, 'g')
  for (let i = 0; i < 100; i++) {
    clock.advance(100)
    await redis.ping()
  }
  expect(behind.stats).toMatchObject({ starts: 0, appended: 0 })
  expect(await redis.hget(streamMeta, 'g')).toBe(generation)
})

test('nothing of a new history is appended to the stream of an old one', async () => {
  let log = back.log
  let epoch = 1
  const restored = openBack()
  for (let i = 0; i < 5; i++) await commit(restored, setting('other', i))
  let restore = (): void => {}
  const changing = logWith(back.log, {
    get identity() {
      return { id: 'log', epoch }
    },
    head: () => log.head(),
    floor: () => log.floor(),
    wait: (after, signal) => log.wait(after, signal),
    read: async (options) => {
      if (options.after === 3) restore()
      return log.read(options)
    },
  })
  restore = () => {
    log = restored.log
    epoch = 2
  }
  for (let i = 1; i <= 3; i++) await write(i)
  const relay = openRelay(used.server, changing)
  await eventually('it is the new one', () => relay.stats.starts === 2 && relay.stats.head === 5)
  // Three of the one, and five of the other.
  expect(relay.stats.appended).toBe(8)
  expect(await rawClient(used.server).hmget(streamMeta, 'e', 'c')).toEqual(['2', '5'])
})

test('connections that break at any time lose nothing and double nothing', async () => {
  await using between = await startRelay(used.server.port)
  openRelay(used.server, back.log, { url: between.url })
  openRelay(used.server, back.log, { url: between.url })
  const log = await openStreamLog(used.server)
  for (let i = 1; i <= 40; i++) {
    await write(i)
    // Sooner or later after it was sent: executed with its reply lost, or not at all.
    for (let k = 0; k < i % 5; k++) await rawClient(used.server).ping()
    between.cut()
  }
  expect(plain(await allOf(log, 0, 40))).toEqual(plain(await allOf(back.log, 0, 40)))
})

test('closing does not wait for a server that is silent', async () => {
  await using between = await startRelay(used.server.port)
  const options = { url: between.url, commandTimeoutMs: ENDLESS_MS }
  const relay = openRelay(used.server, back.log, options)
  const log = await openStreamLog(used.server, options)
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
  const relay = createRedisRelay({ url: used.server.url, log: logWith(back.log, { head }), clock, onError: () => {} })
  await atWork.promise
  await relay.close()
  await relay.close()
})
