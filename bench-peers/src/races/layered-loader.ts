import { createNotificationPair, Loader, RedisCache, type RedisLike } from 'layered-loader'
import { requiredVersion } from '../installed-version.ts'
import { type Load, notOffered, type RaceCache, type RaceCacheOptions, type RaceProduct } from './race-cache.ts'

/** A client of the major version of ioredis that layered-loader asks for, which is not the one of the other peers. */
export type Connect = (
  url: string,
) => RedisLike & { disconnect(): void; on(event: 'error', listener: (error: Error) => void): unknown }
export type ConnectToCluster = (ports: readonly number[]) => ReturnType<Connect>

/** Refreshes what has lived for this long. */
const REFRESH_AFTER_MS = 50
const CHANNEL = 'races'

interface Request {
  readonly key: string
  readonly load?: Load | undefined
}

/** As in layered-loader's README, "Redis pub/sub": memory, RedisCache, and a notification pair. */
export function layeredLoaderRaces(connect: Connect, connectToCluster: ConnectToCluster): RaceProduct {
  return {
    name: 'layered-loader',
    version: requiredVersion('layered-loader'),
    lacks: { tags: 'no tags, only groups' },
    subscriptions: 1,
    open: (options) => openOver(() => connect(options.url), options),
    openOnCluster: (ports, options) => openOver(() => connectToCluster(ports), options),
  }
}

async function openOver(
  connect: () => ReturnType<Connect>,
  { ttlMs, refresh, onError }: Omit<RaceCacheOptions, 'url'>,
): Promise<RaceCache> {
  const [cacheRedis, publisherRedis, consumerRedis] = [connect(), connect(), connect()]
  for (const client of [cacheRedis, publisherRedis, consumerRedis]) client.on('error', onError)
  const { publisher, consumer } = createNotificationPair<unknown>({
    channel: CHANNEL,
    publisherRedis,
    consumerRedis,
    errorHandler: onError,
  })
  const ahead = refresh ? { ttlLeftBeforeRefreshInMsecs: ttlMs - REFRESH_AFTER_MS } : {}
  const loader = new Loader<unknown, Request>({
    inMemoryCache: { ttlInMsecs: ttlMs, ...ahead },
    asyncCache: new RedisCache<unknown>(cacheRedis, {
      json: true,
      ttlInMsecs: ttlMs,
      ...ahead,
    }),
    notificationPublisher: publisher,
    notificationConsumer: consumer,
    cacheKeyFromLoadParamsResolver: ({ key }) => key,
    // Without a loader of the caller's, nothing is found: that is a plain read.
    dataSourceGetOneFn: async ({ load }) => load?.(),
    cacheUpdateErrorHandler: onError,
    loadErrorHandler: onError,
  })
  await loader.init()
  return {
    get: (key) => loader.get({ key }),
    async set(key, value) {
      await loader.forceSetValue(key, value)
      return true
    },
    async delete(key) {
      await loader.invalidateCacheFor(key)
      return true
    },
    async clear() {
      await loader.invalidateCache()
      return true
    },
    load: (key, load, { group } = {}) => loader.get({ key: group === undefined ? key : `${group}:${key}`, load }),
    invalidateTag: notOffered('tags'),
    memoised: (name, load) => (argument) =>
      loader.get({ key: `${name}:${JSON.stringify(argument)}`, load: () => load(argument) }),
    async close() {
      await loader.close()
      for (const client of [cacheRedis, publisherRedis, consumerRedis]) client.disconnect()
    },
  }
}
