import { dropRedis, type DropRedisOptions } from './drop-redis.ts'

/** How many keys one SCAN looks at: it blocks the server meanwhile. */
const PAGE = 1_000
const START = '0'

/**
 * Deletes everything that is kept under a namespace, the copy of the log included, and nothing else. For a store that is
 * gone: one that is still open writes there again.
 *
 * @returns how many keys there were
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE, TIMEOUT: what was deleted until then is
 */
export function dropRedisFront(options: DropRedisOptions): Promise<number> {
  return dropRedis('dropRedisFront', options, async (link, { all }) => {
    let dropped = 0
    let cursor = START
    do {
      const [next, names] = (await link.call('SCAN', [cursor, 'MATCH', all, 'COUNT', PAGE])) as [Buffer, Buffer[]]
      if (names.length > 0) dropped += Number(await link.call('UNLINK', names))
      cursor = String(next)
    } while (cursor !== START)
    return dropped
  })
}
