import { createKeyv } from '@keyv/redis'
import { type Peer, TTL_MS } from './peer.ts'

/** As in the README of @keyv/redis. */
export function openKeyvRedis(redisUrl: string): Peer {
  const keyv = createKeyv(redisUrl)
  return {
    get: (key) => keyv.get(key),
    set: (key, value) => keyv.set(key, value, TTL_MS),
    async close() {
      await keyv.disconnect()
    },
  }
}
