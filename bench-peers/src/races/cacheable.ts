import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { RedisMessageProvider } from '@qified/redis'
import { Cacheable } from 'cacheable'
import type { Keyv } from 'keyv'
import { requiredVersion } from '../installed-version.ts'
import { keyvOnCluster } from './keyv-on-cluster.ts'
import type { RaceCache, RaceCacheOptions, RaceProduct } from './race-cache.ts'

/** As in cacheable's README: memory as primary, @keyv/redis as secondary, tags on, and CacheableSync over Redis. */
export const cacheableRaces: RaceProduct = {
  name: 'cacheable',
  version: requiredVersion('cacheable'),
  lacks: { refresh: 'no refresh in the background' },
  subscriptions: 2,
  async open(options) {
    const provider = new RedisMessageProvider({ uri: options.url })
    // The provider's clients have no error listener, and no way to give them one: a lost connection would end the process.
    for (const client of ['pub', 'sub'] as const) provider[client].on('error', options.onError)
    return openOver(createRedisKeyv(options.url), provider, options)
  },
  openOnCluster: async (ports, options) => openOver(keyvOnCluster(ports), undefined, options),
}

function openOver(
  secondary: Keyv,
  provider: RedisMessageProvider | undefined,
  { ttlMs, onError }: Omit<RaceCacheOptions, 'url'>,
): RaceCache {
  const cache = new Cacheable({ secondary, ttl: ttlMs, tags: true, ...(provider && { sync: { qified: provider } }) })
  cache.on('error', onError)
  return {
    get: (key) => cache.get(key),
    set: (key, value, { ttlMs: ttl, tags } = {}) =>
      cache.set(key, value, { ...(ttl !== undefined && { ttl }), ...(tags && { tags: [...tags] }) }),
    delete: (key) => cache.delete(key),
    async clear() {
      await cache.clear()
      return true
    },
    async load(key, load, { ttlMs: ttl, tags, group } = {}) {
      const name = group === undefined ? key : `${group}:${key}`
      if (tags === undefined) return cache.getOrSet(name, load, ttl === undefined ? {} : { ttl })
      // getOrSet takes no tags: what is documented for tagged values is get, compute, set.
      const found = await cache.get(name)
      if (found !== undefined) return found
      const value = await load()
      await cache.set(name, value, { ...(ttl !== undefined && { ttl }), tags: [...tags] })
      return value
    },
    async invalidateTag(tag) {
      await cache.tags.invalidateTag(tag)
      return true
    },
    memoised: (name, load) => cache.wrap(load, { keyPrefix: name }) as (argument: unknown) => Promise<unknown>,
    close: () => cache.disconnect(),
  }
}
