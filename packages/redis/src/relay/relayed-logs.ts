import { keyspaceOf } from '../keyspace.ts'
import type { Link } from '../link.ts'
import { type RedisClientOptions, resolveClientOptions } from '../options.ts'
import { PatientConnection } from './patient-connection.ts'

/** A log of which nobody has said for so long that it is relayed is not. */
const FORGOTTEN_AFTER_S = 15

/** Makes known that a log is relayed. */
export async function announceLog(link: Link, namespace: string, id: string): Promise<void> {
  const { logs } = keyspaceOf(namespace)
  const now = await serverTime(link)
  await link.callAll([
    ['ZADD', logs, now, id],
    ['ZREMRANGEBYSCORE', logs, '-inf', now - FORGOTTEN_AFTER_S],
    // Of a fleet that is no more, nothing stays.
    ['EXPIRE', logs, 2 * FORGOTTEN_AFTER_S],
  ])
}

/** That it is not relayed any more. */
export async function forgetLog(link: Link, namespace: string, id: string): Promise<void> {
  await link.call('ZREM', [keyspaceOf(namespace).logs, id])
}

/**
 * The ids of the logs that are being relayed in a namespace. Empty also when the server cannot be reached within `withinMs`.
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE, TIMEOUT
 */
export async function findRelayedLogs(options: RedisClientOptions, withinMs: number): Promise<readonly string[]> {
  const client = resolveClientOptions(options)
  const connection = new PatientConnection(client, 'tidemark-find')
  try {
    const link = await connection.up(withinMs)
    if (link === undefined) return []
    const oldest = (await serverTime(link)) - FORGOTTEN_AFTER_S
    const ids = await link.call('ZRANGE', [keyspaceOf(client.namespace).logs, oldest, '+inf', 'BYSCORE'])
    return Array.from(ids as Iterable<Buffer>, String)
  } finally {
    await connection.close()
  }
}

async function serverTime(link: Link): Promise<number> {
  const [seconds] = (await link.call('TIME', [])) as [Buffer]
  return Number(seconds)
}
