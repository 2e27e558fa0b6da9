import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { Cacheable } from 'cacheable'
import { type Peer, TTL_MS } from './peer.ts'

/** Both tiers, or one. `redis` alone makes Redis the primary store: with a memory primary, only the first read reaches it. */
export type CacheableTiers = 'memory' | 'redis' | 'both'

/** As in cacheable's "Getting Started": its own memory store as primary, @keyv/redis as secondary, blocking. */
export function openCacheable(tiers: CacheableTiers, redisUrl?: string): Peer {
  const redis = tiers === 'memory' ? undefined : createRedisKeyv(redisUrl)
  const cache = new Cacheable({
    ttl: TTL_MS,
    ...(redis !== undefined && (tiers === 'redis' ? { primary: redis } : { secondary: redis })),
  })
  return {
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  }
}
