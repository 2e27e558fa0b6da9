import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import { Redis } from 'ioredis'
import { MEMORY_ENTRIES, type Peer, TTL_MS } from './peer.ts'

export interface BentocacheOptions {
  /** The L1 tier; false: none. `plain` turns the default `serialize: true` off, so that reads return the stored object itself. */
  readonly memory: boolean | 'plain'
  /** The L2 tier. @default none */
  readonly redisUrl?: string | undefined
  /** Tell other instances of every write, which the documentation recommends for fleets. @default false */
  readonly bus?: boolean | undefined
}

/**
 * As in bentocache's "multi-tier" guide. No grace period, no timeouts: the defaults, which cost least. The TTL is set
 * because the default of 30 s would expire entries during a run.
 */
export function openBentocache(options: BentocacheOptions): Peer {
  const connections: Redis[] = []
  const connect = (url: string): Redis => {
    const connection = new Redis(url)
    connections.push(connection)
    return connection
  }
  let store = bentostore()
  if (options.memory !== false) {
    store = store.useL1Layer(memoryDriver({ maxItems: MEMORY_ENTRIES, serialize: options.memory !== 'plain' }))
  }
  if (options.redisUrl !== undefined) {
    store = store.useL2Layer(redisDriver({ connection: connect(options.redisUrl) }))
    if (options.bus === true) store = store.useBus(redisBusDriver({ connection: connect(options.redisUrl) }))
  }
  const bento = new BentoCache({ default: 'cache', ttl: TTL_MS, stores: { cache: store } })
  return {
    get: (key) => bento.get({ key }),
    set: (key, value) => bento.set({ key, value }),
    async close() {
      await bento.disconnectAll()
      for (const connection of connections) connection.disconnect()
    },
  }
}
