import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import { requiredVersion } from '../installed-version.ts'
import { keyvOnCluster } from './keyv-on-cluster.ts'
import { notOffered, type RaceCache, type RaceCacheOptions, type RaceProduct } from './race-cache.ts'

/** As in cache-manager's README: a Keyv in memory, then @keyv/redis. */
export const cacheManagerRaces: RaceProduct = {
  name: 'cache-manager',
  version: requiredVersion('cache-manager'),
  lacks: { tags: 'no tags', bus: 'no bus: memory is stale until its TTL without any fault' },
  subscriptions: 0,
  open: async (options) => openOver(createRedisKeyv(options.url), options),
  openOnCluster: async (ports, options) => openOver(keyvOnCluster(ports), options),
}

/** Refreshes what has lived for this long. */
const REFRESH_AFTER_MS = 50

function openOver(redis: Keyv, { ttlMs, refresh, onError }: Omit<RaceCacheOptions, 'url'>): RaceCache {
  redis.on('error', onError)
  const cache = createCache({ ttl: ttlMs, stores: [new Keyv(), redis] })
  return {
    get: (key) => cache.get(key),
    async set(key, value, { ttlMs: ttl } = {}) {
      await cache.set(key, value, ttl)
      return true
    },
    delete: (key) => cache.del(key),
    clear: () => cache.clear(),
    load(key, load, { ttlMs: ttl, group } = {}) {
      const name = group === undefined ? key : `${group}:${key}`
      if (refresh) return cache.wrap(name, load, { ttl: ttlMs, refreshThreshold: ttlMs - REFRESH_AFTER_MS })
      return cache.wrap(name, load, ttl)
    },
    invalidateTag: notOffered('tags'),
    memoised: (name, load) => (argument) => cache.wrap(`${name}:${JSON.stringify(argument)}`, () => load(argument)),
    async close() {
      await cache.disconnect()
    },
  }
}
