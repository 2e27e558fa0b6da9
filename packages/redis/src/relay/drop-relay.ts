import { dropRedis, type DropRedisOptions } from '../drop-redis.ts'
import { streamKeysOf } from '../keyspace.ts'

/**
 * Deletes what relays have copied into a namespace, and nothing else: records, and what is known of them, stay. A relay that
 * still runs begins it anew.
 *
 * @returns whether there was anything
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE, TIMEOUT: it may be deleted all the same
 */
export function dropRedisRelay(options: DropRedisOptions): Promise<boolean> {
  return dropRedis('dropRedisRelay', options, async (link, names) => {
    // All of it at once, and not as DEL does, which keeps the server while it frees a large stream.
    return Number(await link.call('UNLINK', streamKeysOf(names))) > 0
  })
}
