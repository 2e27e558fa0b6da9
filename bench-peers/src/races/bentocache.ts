import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import { Cluster, Redis } from 'ioredis'
import { requiredVersion } from '../installed-version.ts'
import type { LoadSettings, RaceCache, RaceCacheOptions, RaceProduct } from './race-cache.ts'

const BREAK_MS = 30_000
const GRACE_MS = 3_600_000

/** As in bentocache's guide "Multi-tier": memory, Redis, and the bus that it recommends for several instances. */
export const bentocacheRaces: RaceProduct = {
  name: 'bentocache',
  version: requiredVersion('bentocache'),
  lacks: {},
  subscriptions: 1,
  open: async (options) => openOver(new Redis(options.url), options),
  openOnCluster: async (ports, options) =>
    openOver(new Cluster(ports.map((port) => ({ host: '127.0.0.1', port }))), options),
}

function openOver(connection: Redis | Cluster, options: Omit<RaceCacheOptions, 'url'>): RaceCache {
  connection.on('error', options.onError)
  const bus = connection.duplicate() as Redis
  bus.on('error', options.onError)
  const store = bentostore()
    .useL1Layer(memoryDriver({ maxItems: 10_000 }))
    .useL2Layer(redisDriver({ connection: connection as Redis }))
    .useBus(redisBusDriver({ connection: bus }))
  const bento = new BentoCache({
    default: 'cache',
    ttl: options.ttlMs,
    ...(options.breaker && { l2CircuitBreakerDuration: BREAK_MS }),
    stores: { cache: store },
  })
  // Creates the store, and with it the subscription, before the first call.
  bento.use()
  return {
    get: (key) => bento.get({ key }),
    set: (key, value, { ttlMs, tags } = {}) =>
      bento.set({ key, value, ...(ttlMs !== undefined && { ttl: ttlMs }), ...(tags && { tags: [...tags] }) }),
    delete: (key) => bento.delete({ key }),
    async clear() {
      await bento.clear()
      return true
    },
    load: (key, load, settings = {}) =>
      viewOf(bento, settings).getOrSet({
        key,
        factory: () => load(),
        ...(settings.ttlMs !== undefined && { ttl: settings.ttlMs }),
        ...(settings.tags && { tags: [...settings.tags] }),
        ...(settings.hardTimeoutMs !== undefined && { hardTimeout: settings.hardTimeoutMs }),
        // Timeout 0 with a grace period: the stale value at once, and a refresh in the background.
        ...(options.refresh && { grace: GRACE_MS, timeout: 0 }),
      }),
    invalidateTag: (tag) => bento.deleteByTag({ tags: [tag] }),
    memoised: (name, load) => (argument) =>
      bento.getOrSet({ key: `${name}:${JSON.stringify(argument)}`, factory: () => load(argument) }),
    async close() {
      await bento.disconnectAll()
      connection.disconnect()
      bus.disconnect()
    },
  }
}

function viewOf(bento: BentoCache<never>, { group }: LoadSettings): Pick<BentoCache<never>, 'getOrSet'> {
  return group === undefined ? bento : (bento.namespace(group) as Pick<BentoCache<never>, 'getOrSet'>)
}
