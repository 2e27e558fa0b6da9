import { assertKnown, duration, TidemarkError } from '@tidemark/core'
import { keyspaceOf, streamKeysOf } from '../keyspace.ts'
import { CLIENT_OPTIONS, type RedisClientOptions, resolveClient } from '../options.ts'
import { PatientConnection } from './patient-connection.ts'
import { forgetLog } from './relayed-logs.ts'

export interface DropRedisRelayOptions extends RedisClientOptions {
  /** How long the server may take to be there, in milliseconds. @default 5_000 */
  readonly withinMs?: number | undefined
  /** Where relays have made the id of the log known. @default nowhere */
  readonly announcedIn?: string | undefined
  /** That id. */
  readonly logId?: string | undefined
}

const OPTIONS: readonly string[] = [...CLIENT_OPTIONS, 'withinMs', 'announcedIn', 'logId']

/**
 * Deletes what relays have copied into a namespace, and nothing else: records, and what is known of them, stay. A relay that
 * still runs begins it anew.
 *
 * @returns whether there was anything
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE, TIMEOUT: it may be deleted all the same
 */
export async function dropRedisRelay(options: DropRedisRelayOptions): Promise<boolean> {
  assertKnown(options, OPTIONS, 'dropRedisRelay')
  const { withinMs = 5_000, announcedIn, logId } = options
  const client = resolveClient({ commandTimeoutMs: duration('option withinMs', withinMs), ...options })
  const connection = new PatientConnection(client, 'tidemark-drop')
  try {
    const link = await connection.up(withinMs)
    if (link === undefined) {
      const message = `${connection.address} could not be reached within ${withinMs} ms; nothing was deleted: try again`
      throw new TidemarkError('FRONT_UNAVAILABLE', message, { tier: client.name, retryable: true })
    }
    if (announcedIn !== undefined && logId !== undefined) await forgetLog(link, announcedIn, logId)
    // All of it at once, and not as DEL does, which keeps the server while it frees a large stream.
    return Number(await link.call('UNLINK', streamKeysOf(keyspaceOf(client.namespace)))) > 0
  } finally {
    await connection.close()
  }
}
