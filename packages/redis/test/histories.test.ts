import type { LogChange, MemoryBack, Write } from '@tidemark/core'
import { sharedLog } from '@tidemark/hooks'
import {
  commit,
  deleting,
  eventOf,
  eventually,
  type RedisServer,
  type RedisServerOptions,
  setting,
  startRedis,
  startRelay,
  type SwitchedRelay,
  validateStreams,
} from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openRedisReader, openRedisStreamLog, type RedisRelay, type RedisRelayOptions } from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
import { PATIENT_MS, rawClient } from './support/fronts.ts'
import { codec } from './support/changes.ts'
import { openBack, openRelay } from './support/relays.ts'
import { Watcher, type WatcherOptions } from './support/watcher.ts'

const { stream } = keyspaceOf('tidemark')
/** Longer than a busy machine takes to fill a stream again. */
const REFILL_MS = 60_000
const ROUNDS = 6

interface World {
  readonly back: MemoryBack
  /** Everybody's way to the server. */
  readonly between: SwitchedRelay
  server: RedisServer
  readonly watchers: readonly Watcher[]
  readonly relays: RedisRelay[]
  relay(options?: Partial<RedisRelayOptions>): RedisRelay
  /** Some commits, small and large. */
  write(): Promise<void>
  /** Until the stream has everything. */
  copied(): Promise<void>
}

interface Fault {
  readonly name: string
  readonly server?: RedisServerOptions
  readonly relay?: Partial<RedisRelayOptions>
  /** Once, before anybody watches. */
  readonly prepare?: (world: World) => Promise<unknown>
  /** In each round, between writes, while everybody follows. */
  readonly strike: (world: World, round: number) => unknown
  /** That it was what it is called. */
  readonly hasStruck: (world: World) => void
}

const startsOf = ({ relays }: World): number => relays.reduce((sum, { stats }) => sum + stats.starts, 0)

const FAULTS: readonly Fault[] = [
  {
    name: 'FLUSHALL',
    strike: ({ server }) => rawClient(server).flushall(),
    hasStruck: (world) => expect(startsOf(world)).toBeGreaterThan(1),
  },
  {
    name: 'a server that comes back from an older snapshot',
    server: { persistence: 'rdb' },
    async strike(world) {
      await world.copied()
      await rawClient(world.server).save()
      await world.write()
      await world.server.restart()
    },
    // It lost nothing but its end: the stream is the one that it was.
    hasStruck: ({ relays, back }) => expect(relays[0]!.stats.appended).toBeGreaterThan(lengthOf(back)),
  },
  {
    name: 'a failover to a replica that was behind',
    async strike(world) {
      const replica = await startRedis({ replicaOf: { host: '127.0.0.1', port: world.server.port } })
      onTestFinished(() => replica.close())
      await world.copied()
      const raw = rawClient(replica)
      await eventually('it follows', async () => {
        const entry = (await raw.xrevrange(stream, '+', '-', 'COUNT', 1))[0]
        return entry?.[0] === `${lengthOf(world.back)}-0`
      })
      await raw.replicaof('NO', 'ONE')
      await world.write()
      await world.copied()
      world.between.target = replica.port
      world.between.cut()
      world.server = replica
    },
    hasStruck: ({ relays, back }) => expect(relays[0]!.stats.appended).toBeGreaterThan(lengthOf(back)),
  },
  {
    name: 'relays that end, and others that begin',
    async strike(world) {
      const last = world.relays.at(-1)!
      const next = world.relay()
      await Promise.all([last.close(), world.write()])
      await world.write()
      await eventually('the next one copies', () => next.stats.appended > 0)
    },
    hasStruck: ({ relays }) => {
      expect(relays).toHaveLength(ROUNDS + 1)
      for (const { stats } of relays.slice(1)) expect(stats.appended).toBeGreaterThan(0)
    },
  },
  {
    name: 'three relays, whose connections break',
    async prepare(world) {
      world.relay()
      world.relay()
    },
    async strike({ between, server }, round) {
      for (let i = 0; i < round; i++) await rawClient(server).ping()
      between.cut()
    },
    // A start whose reply was cut off is nobody's; another one would have lost what was there.
    hasStruck: (world) => expect(startsOf(world)).toBeLessThanOrEqual(1),
  },
  {
    name: 'a stream that is trimmed past who was away',
    relay: { keep: 10 },
    async strike(world, round) {
      // Away for longer than the stream reaches back.
      for (const watcher of world.watchers) watcher.restart(round % 2 === 0)
      for (let i = 0; i < 3; i++) await world.write()
    },
    hasStruck: ({ watchers }) => expect(watchers.some(({ skips }) => skips > 0)).toBe(true),
  },
  {
    name: 'entries that somebody takes out of the middle',
    async strike(world) {
      await world.copied()
      const raw = rawClient(world.server)
      const entries = await raw.xrange(stream, '-', '+')
      // Who is at the end does not meet the gap; who was away does, until a relay begins anew.
      for (const watcher of world.watchers) watcher.restart(false)
      await raw.xdel(stream, entries[entries.length >> 1]![0])
      await world.write()
      await eventually('they have met it, or are past it', () =>
        world.watchers.every(({ position, failures }) => failures.length > 0 || position >= lengthOf(world.back)),
      )
      await raw.del(stream)
    },
    hasStruck: (world) => expect(startsOf(world)).toBeGreaterThan(1),
  },
  {
    name: 'readers that come back, with their last token or without',
    async strike(world, round) {
      const restarted = world.watchers.filter((_, i) => (i + round) % 2 === 0)
      const before = restarted.map(({ position }) => position)
      await world.write()
      await eventually('they follow', () => restarted.every(({ position }, i) => position > before[i]!))
      for (const watcher of restarted) watcher.restart(round % 3 === 0)
    },
    hasStruck: ({ back, watchers }) => {
      for (const watcher of watchers)
        expect(watcher.history(lengthOf(back)).sessions.length).toBeGreaterThanOrEqual(ROUNDS / 2 + 1)
    },
  },
]

const lengths = new WeakMap<MemoryBack, () => number>()
const lengthOf = (back: MemoryBack): number => lengths.get(back)!()

describe('what is given to those who follow the stream in Redis is what etcd promises of watches', () => {
  test.each(FAULTS)('$name', async ({ server: serverOptions, relay: relayOptions, prepare, strike, hasStruck }) => {
    const rows: LogChange[] = []
    const back = openBack()
    back.onCommit((commits) => rows.push(...commits.flatMap(({ changes }) => changes)))
    lengths.set(back, () => rows.length)
    const server = await startRedis(serverOptions)
    onTestFinished(() => server.close())
    const between = await startRelay(server.port)
    onTestFinished(() => between.close())
    await using own = await startRedis()
    const idle = rawClient(own)
    const watchers: Watcher[] = []
    let n = 0
    const world: World = {
      back,
      between,
      server,
      watchers,
      relays: [],
      relay(options) {
        const relay = openRelay(server, back.log, { url: between.url, ...relayOptions, ...options })
        world.relays.push(relay)
        return relay
      },
      async write() {
        for (const size of [1, 3, 1, n % 5 === 0 ? 150 : 2]) {
          n++
          await commit(back, ...Array.from({ length: size }, (_, i) => writeOf(n, i)))
          // Memory commits in no time: everybody else is to get a turn, too.
          await idle.ping()
        }
      },
      async copied() {
        const raw = rawClient(world.server)
        await eventually('all is copied', async () => {
          const [entry] = await raw.xrevrange(stream, '+', '-', 'COUNT', 1)
          return entry?.[0] === `${rows.length}-0`
        })
      },
    }
    world.relay()
    await prepare?.(world)
    for (const options of watchersOf(between.url)) {
      const watcher = new Watcher(options)
      onTestFinished(() => watcher.close())
      watchers.push(watcher)
    }
    await world.write()
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all([world.write(), strike(world, round)])
      await world.write()
    }
    // Something that everybody wants.
    await commit(back, setting(['even', 0], 'last'), setting(['odd', 0], 'last'))
    for (const [i, watcher] of watchers.entries()) {
      await eventually(`watcher ${i} has arrived`, () => watcher.position === rows.length, REFILL_MS)
    }
    hasStruck(world)
    const histories = watchers.map((watcher) => watcher.history(rows.length))
    expect(validateStreams(histories, rows.map(eventOf))).toEqual([])
    const codes = watchers.flatMap(({ failures }) => failures.map((error) => (error as { code?: string }).code))
    expect(codes.filter((code) => code !== 'FRONT_UNAVAILABLE' && code !== 'TIMEOUT' && code !== 'LOG_GAP')).toEqual([])
  })
})

function writeOf(n: number, i: number): Write {
  const key = [(n + i) % 2 === 0 ? 'even' : 'odd', (n * 7 + i) % 20]
  return (n + i) % 4 === 3 ? deleting(key) : setting(key, { n, i })
}

/** Each in a process of its own, as it were. */
function watchersOf(url: string): readonly WatcherOptions[] {
  const options = { url, codec, commandTimeoutMs: PATIENT_MS }
  const open = async () => {
    const log = await openRedisStreamLog({ ...options, refillMs: REFILL_MS })
    return { log, close: () => log.close() }
  }
  const openReader = async () => {
    const reader = await openRedisReader({ ...options, onError: () => {} })
    return { log: sharedLog(reader.log), close: () => reader.close() }
  }
  return [
    { name: 'all', open },
    { name: 'one by one', open, wants: { batch: 1, bookmarks: true } },
    {
      name: 'even keys',
      open,
      wants: { prefix: 'even', batch: 7, bookmarks: true },
      isWanted: ({ key }) => key.startsWith('even:'),
    },
    {
      name: 'writes of odd keys, by a reader',
      open: openReader,
      wants: { prefix: 'odd', ops: ['set'] },
      isWanted: ({ key, op }) => key.startsWith('odd:') && op === 'set',
    },
    { name: 'all, by a reader', open: openReader, wants: { bookmarks: true } },
  ]
}
