import KeyvRedis from '@keyv/redis'
import { Keyv } from 'keyv'

/** A Keyv over a cluster, as in the section "Clustering" of the README of @keyv/redis. */
export function keyvOnCluster(ports: readonly number[]): Keyv {
  const rootNodes = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))
  return new Keyv(new KeyvRedis({ rootNodes }), { useKeyPrefix: false })
}
