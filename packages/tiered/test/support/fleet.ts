import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Clock,
  createNearMemory,
  type Found,
  type NearFront,
  type NearMemoryOptions,
  type SharedFront,
  Store,
  StoreKey,
} from '@tidemark/core'
import { createRedisFront, type RedisFront, type RedisFrontOptions } from '@tidemark/redis'
import { createSqliteBack, type SqliteBack } from '@tidemark/sqlite'
import { codec, eventually, type FaultyFront, faultyFront, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import {
  createTiered,
  type TieredBack,
  type TieredOptions,
  type TieredReadOptions,
  type TieredWriteOptions,
  type TierEvent,
} from '../../src/index.ts'
import { searchesOf } from './other-process.ts'
import { type WatchedBack, watchedBack } from './watched-back.ts'

/** Far longer than any test machine takes, where the time itself is not what is tested. */
const PATIENT_MS = 5_000

/** Near memory makes room for as many at once as it may hold, which takes a while for the usual 100,000. */
const ENOUGH_ENTRIES = 5_000

export interface InstanceOptions extends Pick<
  TieredOptions,
  | 'writePolicy'
  | 'writeBehind'
  | 'readPolicy'
  | 'nearMaxStaleMs'
  | 'frontMaxStaleMs'
  | 'ack'
  | 'negativeEntries'
  | 'onError'
> {
  readonly near?: boolean | NearMemoryOptions
  /** @default true, when the fleet has a server */
  readonly redis?: boolean | Partial<RedisFrontOptions>
  readonly clock?: Clock
  readonly readOnly?: boolean
  /** Hides the log's ways to hear of commits without being asked for its head. */
  readonly deaf?: boolean
}

/** One process's worth of tiers, with the handles that tests pull at. */
export interface Instance {
  readonly tiers: TieredBack
  readonly store: Store<TieredReadOptions, TieredWriteOptions>
  readonly sqlite: SqliteBack
  readonly back: WatchedBack
  readonly near: NearFront | undefined
  /** The network to Redis. Of an instance without Redis, nothing that may be used. */
  readonly front: FaultyFront
  readonly redis: RedisFront
  readonly events: readonly TierEvent[]
  /** Whether reads go to Redis. */
  readonly isServing: () => boolean
}

/** A server for all tests of a file. */
export function useRedis(): { readonly server: RedisServer } {
  let server: RedisServer | undefined
  beforeAll(async () => void (server = await startRedis()))
  afterAll(() => server?.close())
  return {
    get server() {
      return server!
    },
  }
}

function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tiered-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

let fleets = 0

/** Instances over one SQLite file and one namespace of a Redis server; everything closes with the test. */
export class Fleet {
  readonly file: string = tempFile()
  readonly namespace: string = `t${process.pid}-${++fleets}`
  readonly server: RedisServer | undefined
  #raw: Redis | undefined

  constructor(server?: RedisServer) {
    this.server = server
  }

  async open(options: InstanceOptions = {}): Promise<Instance> {
    const {
      near: nearOptions = false,
      redis: redisOptions = true,
      clock,
      readOnly,
      deaf = false,
      ...policies
    } = options
    const sqlite = createSqliteBack({ file: this.file, synchronous: 'normal', codec, clock, readOnly })
    const wait = (_after: number, signal: AbortSignal): Promise<void> =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    const { log } = sqlite
    const silent = {
      get identity() {
        return log.identity
      },
      sync: log.sync,
      ...searchesOf(log),
      nudge: () => {},
      wait,
      head: () => log.head(),
      floor: () => log.floor(),
      read: log.read.bind(log),
    }
    const back = watchedBack(sqlite, deaf ? silent : log)
    const near =
      nearOptions === false
        ? undefined
        : createNearMemory({ clock, ...(nearOptions === true ? { maxEntries: ENOUGH_ENTRIES } : nearOptions) })
    const redis =
      this.server && redisOptions !== false
        ? createRedisFront({
            url: this.server.url,
            namespace: this.namespace,
            codec,
            commandTimeoutMs: PATIENT_MS,
            clock,
            ...(redisOptions === true ? {} : redisOptions),
          })
        : undefined
    const front = redis && faultyFront(redis)
    const tiers = createTiered({ back, near, fronts: front === undefined ? [] : [front], clock, ...policies })
    onTestFinished(() => tiers.close())
    const events: TierEvent[] = []
    let isServing = false
    tiers.tierEvents$.subscribe((event) => {
      events.push(event)
      if (event.type === 'front-serving') isServing = true
      if (event.type === 'front-bypassed') isServing = false
    })
    const store = new Store(tiers, { clock })
    const handles = { tiers, store, sqlite, back, near, front: front!, redis: redis! }
    const instance = { ...handles, events, isServing: () => isServing }
    if (redisOptions === true && redis !== undefined) await serving(instance)
    return instance
  }

  /** A client that knows nothing of fronts. */
  get raw(): Redis {
    if (this.#raw === undefined) {
      const raw = new Redis(this.server!.url, { maxRetriesPerRequest: 0 })
      raw.on('error', () => {})
      onTestFinished(() => raw.disconnect())
      this.#raw = raw
    }
    return this.#raw
  }

  /** Where Redis keeps the key's record. */
  async recordName(key: string): Promise<string | undefined> {
    return (await this.raw.keys('*')).find((name) => name === `${this.namespace}:{p0}:${keyOf(key).id}`)
  }

  /** Every record at once; meta stays. */
  async evictAll(): Promise<void> {
    const records = (await this.raw.keys('*')).filter((name) => name.startsWith(`${this.namespace}:{p0}:`))
    if (records.length > 0) await this.raw.del(records)
  }

  /** What the server does by itself when its memory is full. */
  async evict(key: string): Promise<void> {
    const name = await this.recordName(key)
    if (name !== undefined) await this.raw.del(name)
  }
}

/** Resolves when the front has been proven to be up to date; what was told until then is forgotten. */
export async function serving({ isServing, events }: Instance): Promise<void> {
  await eventually('the front serves', isServing)
  ;(events as TierEvent[]).length = 0
}

/** Resolves when the log has been replayed into Redis up to this version. */
export async function tailed({ front }: Instance, version: number): Promise<void> {
  await eventually('the tail has passed', async () => ((await front.look()).watermark ?? 0) >= version)
}

/** What a shared front holds, whether it is read or not. */
export async function heldIn(front: SharedFront, keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
  return front.session === undefined ? keys.map(() => undefined) : front.read(keys, front.session)
}

export function keyOf(key: string | readonly (string | number)[]): StoreKey {
  return StoreKey.of(key)
}

/** Runs `work`, whose fills meanwhile reach the server, and returns when the last one was answered. */
export async function withFill<T>(front: FaultyFront, work: () => Promise<T>): Promise<T> {
  const filled = front.hold('fill', 'after')
  const result = await work()
  await filled.arrived()
  filled.release()
  return result
}
