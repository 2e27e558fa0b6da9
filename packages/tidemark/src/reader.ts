import {
  type Clock,
  clockOption,
  type Codec,
  codecOption,
  callback,
  assertKnown,
  duration,
  oneOf,
  type Log,
  Store,
  type StoreKey,
  type StoreOptions,
  TidemarkError,
} from '@tidemark/core'
import {
  type Change,
  type ChangeBatch,
  changes,
  changes$,
  type ChangesOptions,
  history,
  type HistoryOptions,
  sharedLog,
} from '@tidemark/hooks'
import { findRelayedLogs, openRedisReader, type RedisReader } from '@tidemark/redis'
import type { Key, ReadOptions } from '@tidemark/core'
import type { Observable } from 'rxjs'
import { clientOf, type RelayedRedis } from './relayed-redis.ts'

/** What {@link openReader} takes. */
export interface ReaderOptions {
  /** Where the instances with the file have their shared front. A string is its URL. */
  readonly redis: RelayedRedis
  /** Which log: `store.logId` of an instance that has it. @default the only one that is relayed in the namespace */
  readonly log?: string | undefined
  /** As of the store that writes. @default CBOR */
  readonly codec?: Codec | undefined
  /** How long opening waits for Redis, and for an instance that relays its log. @default 10_000 */
  readonly patienceMs?: number | undefined
  /**
   * What a read makes of a key that Redis does not hold, and that may exist. `error`: it rejects with NOT_HELD; `absent`: as
   * if there were none, for who has the value from elsewhere then, as with any cache. @default 'error'
   */
  readonly unheld?: 'error' | 'absent' | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Called with failures that no promise of the caller tells. @default they are written to the console */
  readonly onError?: ((error: unknown) => void) | undefined
}

const OPTIONS = [
  'redis',
  'log',
  'codec',
  'patienceMs',
  'unheld',
  'clock',
  'onError',
] as const satisfies readonly (keyof ReaderOptions)[]

/** A store without its file: reads what Redis holds, and follows the log as an instance relays it. */
export class TidemarkReader extends Store<ReadOptions> {
  readonly #reader: RedisReader
  readonly #log: Log

  constructor(reader: RedisReader, options: Pick<StoreOptions, 'clock' | 'onError' | 'notHeld'>) {
    super(reader, options)
    this.#reader = reader
    this.#log = sharedLog(reader.log)
  }

  /** The id of the log that is followed. */
  get logId(): string {
    return this.#reader.log.identity.id
  }

  /**
   * The change stream, as far back as it is kept in Redis. Tokens are those of any other instance.
   * @throws at once TidemarkError NEEDS_FILE for `onCompacted: 'snapshot'`, which would list the entries
   */
  changes<T = unknown>(options?: ChangesOptions): AsyncIterable<ChangeBatch<T>> {
    return changes<T>(this.#log, withoutSnapshot(options))
  }

  /** As {@link changes}; the next page is read when the subscribers have taken the last one. */
  changes$<T = unknown>(options?: ChangesOptions): Observable<ChangeBatch<T>> {
    return changes$<T>(this.#log, withoutSnapshot(options))
  }

  /** What happened to one key, newest first, as far back as it is kept in Redis. */
  history<T = unknown>(key: Key, options?: HistoryOptions): AsyncIterable<Change<T>> {
    return history<T>(this.#log, key, options)
  }

  /** The seq up to which the log has been followed here: no read misses a change up to it. */
  get position(): number {
    return this.#reader.position
  }
}

/**
 * Opens a store on a host without the file. Its reads are those of the shared front alone: what Redis does not hold, and
 * the stream has not told of, fails with NOT_HELD, and what the stream has shown to be replaced is not believed. Writes fail
 * with READ_ONLY, listings with NEEDS_FILE. An instance with the file has to be opened with `relay: true`.
 *
 * @throws TypeError or RangeError for a wrong option; TidemarkError FRONT_UNAVAILABLE when Redis cannot be reached, or no
 * instance relays its log, within `patienceMs`.
 */
export async function openReader(options: ReaderOptions): Promise<TidemarkReader> {
  assertKnown(options, OPTIONS, 'openReader')
  const { redis, log, patienceMs = 10_000, onError = (error: unknown) => console.error('tidemark:', error) } = options
  const unheld = oneOf('option unheld', options.unheld ?? 'error', ['error', 'absent'])
  const clock = clockOption(options.clock)
  const codec = codecOption(options.codec)
  callback('option onError', onError)
  duration('option patienceMs', patienceMs)
  const client = clientOf(redis)
  const { namespace } = client
  const end = clock.monotonic() + patienceMs
  const id = log ?? (await onlyLog({ ...client, clock }, end, clock))
  const left = Math.max(0, end - clock.monotonic())
  const reader = await openRedisReader({
    ...client,
    namespace: `${namespace}.${id}`,
    clock,
    codec,
    patienceMs: left,
    onError,
  })
  return new TidemarkReader(reader, { clock, onError, notHeld: unheld === 'error' ? notHeld : undefined })
}

/** As many are named as fit into a line. */
const NAMED = 10

function notHeld(keys: readonly StoreKey[]): TidemarkError {
  const ids = keys.slice(0, NAMED).map(({ id }) => id)
  const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : ''
  const message = `Redis does not hold ${ids.join(', ')}${more}, or a tag that it carries, which says nothing about whether it exists; ask an instance with the file, or open the reader with unheld: 'absent'`
  return new TidemarkError('NOT_HELD', message, { key: ids[0]!, tier: 'redis' })
}

/** Who writes no types can still ask for one. */
function withoutSnapshot(options: ChangesOptions | undefined): ChangesOptions | undefined {
  if ((options?.onCompacted as string | undefined) !== 'snapshot') return options
  const message =
    "onCompacted: 'snapshot' lists the entries, which needs the file, and this store was opened over Redis alone; ask an instance with the file for a snapshot, and follow here from its token"
  throw new TidemarkError('NEEDS_FILE', message, { tier: 'redis' })
}

const LOOK_EVERY_MS = 50
/** Nobody's request waits for it. */
const LOOK_TIMEOUT_MS = 1_000

/** None also when the server does not answer: it is asked again. */
async function relayedLogs(
  client: Parameters<typeof findRelayedLogs>[0],
  withinMs: number,
): Promise<readonly string[]> {
  try {
    return await findRelayedLogs({ commandTimeoutMs: LOOK_TIMEOUT_MS, ...client }, withinMs)
  } catch (error) {
    if (error instanceof TidemarkError && error.retryable) return []
    throw error
  }
}

async function onlyLog(client: Parameters<typeof findRelayedLogs>[0], end: number, clock: Clock): Promise<string> {
  for (;;) {
    const ids = await relayedLogs(client, Math.max(0, end - clock.monotonic()))
    if (ids.length === 1) return ids[0]!
    if (ids.length > 1) {
      const message = `several logs are relayed under ${client.namespace}; choose one with option log: ${ids.join(', ')}`
      throw new TypeError(message)
    }
    if (clock.monotonic() >= end) {
      const message = `no instance relays its log under ${client.namespace}, or Redis cannot be reached; open one with its file and relay: true`
      throw new TidemarkError('FRONT_UNAVAILABLE', message, { retryable: true, tier: 'redis' })
    }
    await clock.sleep(LOOK_EVERY_MS)
  }
}
