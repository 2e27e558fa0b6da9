import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import { type Peer, TTL_MS } from './peer.ts'

export type CacheManagerTiers = 'memory' | 'redis' | 'both'

/** As in cache-manager's README: Keyv's own Map as the memory store (its default), @keyv/redis behind it. */
export function openCacheManager(tiers: CacheManagerTiers, redisUrl?: string): Peer {
  const memory = tiers === 'redis' ? [] : [new Keyv()]
  const redis = tiers === 'memory' ? [] : [createRedisKeyv(redisUrl)]
  const cache = createCache({ ttl: TTL_MS, stores: [...memory, ...redis] })
  return {
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    async close() {
      await cache.disconnect()
    },
  }
}
