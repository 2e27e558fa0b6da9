import type { Peer } from '@tidemark/bench-peers'
import { Encoder } from 'cbor-x'
import { Redis } from 'ioredis'

const TTL_MS = 3_600_000

/**
 * The driver with a codec, and nothing else. `useRecords: false` is what suits single small objects: a record definition
 * in each would make them longer and slower.
 */
export async function openRawRedis(url: string, options: { readonly autoPipelining: boolean }): Promise<Peer> {
  const redis = new Redis(url, { enableAutoPipelining: options.autoPipelining })
  const codec = new Encoder({ useRecords: false })
  await redis.ping()
  return {
    async get(key) {
      const bytes = await redis.getBuffer(key)
      return bytes === null ? undefined : (codec.decode(bytes) as unknown)
    },
    set: (key, value) => redis.set(key, codec.encode(value), 'PX', TTL_MS),
    async close() {
      redis.disconnect()
    },
  }
}
