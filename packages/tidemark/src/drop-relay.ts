import { assertKnown } from '@tidemark/core'
import { dropRedisRelay } from '@tidemark/redis'
import { namespaceOf } from './namespace.ts'
import { clientOf, type RelayedRedis } from './relayed-redis.ts'

/** What {@link dropRelay} takes. */
export interface DropRelayOptions {
  readonly redis: RelayedRedis
  /** Which log: `store.logId`. */
  readonly log: string
  /** How long Redis may take to be there, in milliseconds. @default 5_000 */
  readonly timeoutMs?: number | undefined
}

const KNOWN = ['redis', 'log', 'timeoutMs'] as const satisfies readonly (keyof DropRelayOptions)[]

/**
 * Deletes the copy of a log that instances with `relay` have made in Redis, and nothing else. Close them first, or open them
 * without it: one that still relays begins the copy anew. Readers of it wait for another one, as after any loss.
 *
 * @returns whether there was a copy
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE, TIMEOUT: it may be deleted all the same
 */
export async function dropRelay(options: DropRelayOptions): Promise<boolean> {
  assertKnown(options, KNOWN, 'dropRelay')
  const { log, timeoutMs } = options
  if (typeof log !== 'string' || log === '') throw new TypeError('option log must be the id of a log: store.logId')
  const client = clientOf(options.redis)
  return dropRedisRelay({
    ...client,
    namespace: namespaceOf(client, log),
    announcedIn: client.namespace,
    logId: log,
    withinMs: timeoutMs,
  })
}
