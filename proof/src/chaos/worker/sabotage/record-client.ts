import { Redis } from 'ioredis'
import type { SabotageContext } from './sabotage-context.ts'

/** Reaches past the scripts to the records of the front, by the names that they have in Redis. */
export class RecordClient {
  readonly #redis: Redis

  constructor({ redisUrl, signal }: SabotageContext) {
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: 0, commandTimeout: 500 })
    // Faults are meant to reach it too.
    this.#redis.on('error', () => undefined)
    signal.addEventListener('abort', () => this.#redis.disconnect())
  }

  /** The record, and what it is called; undefined where there is none, or Redis does not answer. */
  async read(key: string): Promise<{ readonly name: string; readonly bytes: Buffer } | undefined> {
    try {
      const [name] = await this.#redis.keys(`*:{p*}:${key}`)
      const bytes = name === undefined ? null : await this.#redis.getBuffer(name)
      return name === undefined || bytes === null ? undefined : { name, bytes }
    } catch {
      return undefined
    }
  }

  async overwrite(name: string, bytes: Buffer): Promise<void> {
    await this.#redis.set(name, bytes, 'PX', 60_000).catch(() => undefined)
  }
}
