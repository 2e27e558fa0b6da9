import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type RedisServer, startRedis } from '@tidemark/testkit/redis-server'
import { redisInfo, tellRedis } from './admin.ts'

const SYNC_WITHIN_MS = 5_000

/** A Redis server and its replica, which may change places. */
export class RedisPair {
  #primary: RedisServer
  #replica: RedisServer

  private constructor(primary: RedisServer, replica: RedisServer) {
    this.#primary = primary
    this.#replica = replica
  }

  static async start(): Promise<RedisPair> {
    // Neither is started as a replica: when it comes back after a promotion, it must not follow its follower.
    const options = { persistence: 'rdb', maxmemoryPolicy: 'volatile-lru' } as const
    const primary = await startRedis(options)
    try {
      const pair = new RedisPair(primary, await startRedis(options))
      await pair.follow()
      return pair
    } catch (error) {
      await primary.close()
      throw error
    }
  }

  get primary(): RedisServer {
    return this.#primary
  }

  get replica(): RedisServer {
    return this.#replica
  }

  /** Makes the replica follow the primary, and waits for a while until it has what the primary has. */
  async follow(): Promise<void> {
    const { port } = this.#replica
    await tellRedis(port, ['REPLICAOF', '127.0.0.1', String(this.#primary.port)])
    const deadline = performance.now() + SYNC_WITHIN_MS
    while ((await redisInfo(port, 'replication', 'master_link_status')) !== 'up') {
      // Not in time: the next promotion finds a replica that lacks something, which may happen.
      if (performance.now() > deadline) return
      await delay(20)
    }
  }

  /** Makes the replica a primary, with what it has got until now. The former primary stays as it is, and is the replica by name. */
  async promote(): Promise<void> {
    await tellRedis(this.#replica.port, ['REPLICAOF', 'NO', 'ONE'])
    ;[this.#primary, this.#replica] = [this.#replica, this.#primary]
  }

  /**
   * As {@link RedisPair.promote}, and the former primary is made to follow in place: it stays the same run of the same
   * server. Its clients are sent away, and may come back at once.
   */
  async demote(): Promise<void> {
    await this.promote()
    const follow = ['REPLICAOF', '127.0.0.1', String(this.#primary.port)] as const
    await tellRedis(this.#replica.port, follow, ['CLIENT', 'KILL', 'TYPE', 'normal'])
  }

  /** Saves what the primary holds. @returns ends the primary, and starts it with what was saved */
  async save(): Promise<() => Promise<void>> {
    const primary = this.#primary
    await tellRedis(primary.port, ['SAVE'])
    const dump = join(primary.folder, 'dump.rdb')
    const kept = join(primary.folder, 'kept.rdb')
    copyFileSync(dump, kept)
    return async () => {
      await primary.kill()
      copyFileSync(kept, dump)
      await primary.restart()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#primary.close(), this.#replica.close()])
  }
}
