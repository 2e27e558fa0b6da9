import { keyspaceOf } from './keyspace.ts'
import { type RedisClientOptions, resolveClientOptions } from './options.ts'
import { PatientConnection } from './relay/patient-connection.ts'
import { TidemarkError } from '@tidemark/core'

/** How many keys one SCAN looks at: it blocks the server meanwhile. */
const PAGE = 1_000
const START = '0'

export interface DropRedisFrontOptions extends RedisClientOptions {
  /** How long the server may take to be there, in milliseconds. @default 5_000 */
  readonly withinMs?: number | undefined
  /** In which relays have said that there is this log. @default none have */
  readonly announcedIn?: string | undefined
  /** The log that they have named. */
  readonly logId?: string | undefined
}

/**
 * Deletes everything that is kept under a namespace, the copy of the log included, and nothing else. For a store that is
 * gone: one that is still open writes there again.
 *
 * @returns how many keys there were
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE, TIMEOUT: what was deleted until then is
 */
export async function dropRedisFront(options: DropRedisFrontOptions): Promise<number> {
  const { withinMs = 5_000, announcedIn, logId, ...given } = options
  const client = resolveClientOptions({ commandTimeoutMs: withinMs, ...given })
  const connection = new PatientConnection(client, 'tidemark-drop')
  try {
    const link = await connection.up(withinMs)
    if (link === undefined) {
      const message = `${connection.address} could not be reached within ${withinMs} ms; nothing was deleted: try again`
      throw new TidemarkError('FRONT_UNAVAILABLE', message, { tier: client.name, retryable: true })
    }
    if (announcedIn !== undefined && logId !== undefined) {
      await link.call('ZREM', [keyspaceOf(announcedIn).logs, logId])
    }
    const { all } = keyspaceOf(client.namespace)
    let dropped = 0
    let cursor = START
    do {
      const [next, names] = (await link.call('SCAN', [cursor, 'MATCH', all, 'COUNT', PAGE])) as [Buffer, Buffer[]]
      if (names.length > 0) dropped += Number(await link.call('UNLINK', names))
      cursor = String(next)
    } while (cursor !== START)
    return dropped
  } finally {
    await connection.close()
  }
}
