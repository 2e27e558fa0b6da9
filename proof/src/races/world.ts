import type { RaceCache, RaceCacheOptions, RaceProduct } from '@tidemark/bench-peers/races/race-cache'
import { type RedisServer, startRedis } from '@tidemark/testkit/redis-server'
import { Redis } from 'ioredis'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RedisProxy } from './proxy/redis-proxy.ts'
import { settled, within } from './waiting.ts'

/** Longer than any race: nothing expires that was not meant to. */
export const LONG_MS = 3_600_000
/** How long an instance may take to hear of what another one did, where nothing is broken. */
export const PROPAGATION_MS = 1_000
const READY_WITHIN_MS = 3_000
const CLOSE_WITHIN_MS = 1_000

/** One instance of the app, with a connection to Redis of its own that a race can disturb. */
export interface Instance {
  readonly cache: RaceCache
  readonly proxy: RedisProxy
}

/** What one race has to itself: a fresh Redis server, and instances of one product over it. */
export class World {
  readonly product: RaceProduct
  readonly folder: string
  /** At the server, past all proxies. */
  readonly admin: Redis
  readonly #redis: RedisServer
  readonly #instances = new Set<Instance>()

  private constructor(product: RaceProduct, redis: RedisServer) {
    this.product = product
    this.#redis = redis
    this.folder = mkdtempSync(join(tmpdir(), 'tidemark-races-'))
    this.admin = new Redis(redis.url)
    this.admin.on('error', () => {})
  }

  static async create(product: RaceProduct): Promise<World> {
    return new World(product, await startRedis())
  }

  /** Opens an instance; resolves when it hears what the others say. */
  async open(options: Partial<RaceCacheOptions> = {}): Promise<Instance> {
    const proxy = await RedisProxy.start(this.#redis.port)
    const cache = await this.product.open({
      url: proxy.url,
      folder: this.folder,
      ttlMs: LONG_MS,
      breaker: false,
      refresh: false,
      onError: () => {},
      ...options,
    })
    const instance = { cache, proxy }
    this.#instances.add(instance)
    await this.awaitSubscriptions()
    return instance
  }

  /** @throws Error when the instances do not listen in time. */
  async awaitSubscriptions(): Promise<void> {
    const expected = this.product.subscriptions * this.#instances.size
    if (!(await within(READY_WITHIN_MS, async () => (await this.#subscriptions()) >= expected))) {
      throw new Error(`${this.product.name}: not ${expected} subscriptions within ${READY_WITHIN_MS} ms`)
    }
  }

  /** The keys at the server in whose name the text occurs. */
  async keysWith(text: string): Promise<readonly string[]> {
    return (await this.admin.keys('*')).filter((key) => key.includes(text))
  }

  /** Every write is refused by the server, while reads and messages go on. */
  async refuseWrites(): Promise<void> {
    await this.admin.acl('SETUSER', 'default', '-@write', '+acl')
  }

  async allowWrites(): Promise<void> {
    await this.admin.acl('SETUSER', 'default', '+@all')
  }

  /** Closes one instance before the race is over. */
  async end(instance: Instance): Promise<void> {
    this.#instances.delete(instance)
    const { cache, proxy } = instance
    await settled(
      Promise.resolve().then(() => cache.close()),
      CLOSE_WITHIN_MS,
    )
    await proxy.close()
  }

  async close(): Promise<void> {
    for (const instance of this.#instances) await this.end(instance)
    this.admin.disconnect()
    await this.#redis.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #subscriptions(): Promise<number> {
    const clients = String(await this.admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
    return [...clients.matchAll(/ sub=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0)
  }
}
