import { assertKnown, duration, TidemarkError } from '@tidemark/core'
import { type Keyspace, keyspaceOf } from './keyspace.ts'
import type { Link } from './link.ts'
import { CLIENT_OPTIONS, type RedisClientOptions, resolveClient } from './options.ts'
import { PatientConnection } from './relay/patient-connection.ts'
import { forgetLog } from './relay/relayed-logs.ts'

export interface DropRedisOptions extends RedisClientOptions {
  /** How long the server may take to be there, in milliseconds. @default 5_000 */
  readonly withinMs?: number | undefined
  /** Where relays have made the id of the log known. @default nowhere */
  readonly announcedIn?: string | undefined
  /** That id. */
  readonly logId?: string | undefined
}

const OPTIONS: readonly string[] = [...CLIENT_OPTIONS, 'withinMs', 'announcedIn', 'logId']

/**
 * Lets `work` delete what is kept under a namespace, once the log is not known to be relayed any more.
 * @param caller whose options they are
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE when there is no server within the time;
 * what `work` does
 */
export async function dropRedis<T>(
  caller: string,
  options: DropRedisOptions,
  work: (link: Link, names: Keyspace) => Promise<T>,
): Promise<T> {
  assertKnown(options, OPTIONS, caller)
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
    return await work(link, keyspaceOf(client.namespace))
  } finally {
    await connection.close()
  }
}
