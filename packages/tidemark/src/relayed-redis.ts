import type { RedisOptions } from './options.ts'

/** Where the instances with the file have their shared front. A string is its URL. */
export type RelayedRedis =
  | string
  | Pick<RedisOptions, 'url' | 'connection' | 'namespace' | 'commandTimeoutMs' | 'connectTimeoutMs'>

/** @throws TypeError */
export function clientOf(redis: RelayedRedis): Exclude<RelayedRedis, string> & { readonly namespace: string } {
  const client = typeof redis === 'string' ? { url: redis } : redis
  if (typeof client !== 'object' || client === null)
    throw new TypeError('redis must be a URL, such as redis://127.0.0.1:6379, or an object of options')
  const { namespace = 'tidemark' } = client
  return { ...client, namespace }
}
