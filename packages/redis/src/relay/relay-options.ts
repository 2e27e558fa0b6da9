import { assertKnown, callback, type Log, port, wholeAtLeast, wholeBetween } from '@tidemark/core'
import { CLIENT_OPTIONS, type RedisClientOptions, type ResolvedClientOptions, resolveClient } from '../options.ts'

export interface RedisRelayOptions extends RedisClientOptions {
  /** What is copied. */
  readonly log: Log
  /**
   * How many changes the stream keeps, about: who is further behind has to ask an instance with the file. A commit that is
   * longer stays as a whole until so many have followed it. @default 50_000
   */
  readonly keep?: number | undefined
  /** A value that takes more bytes stays behind: its readers learn that there is one. @default 16_384 (16 KiB) */
  readonly maxValueBytes?: number | undefined
  /**
   * How long the copy stays in Redis when no relay sees to it any more, in whole milliseconds: 60,000 at least, or Infinity.
   * One that comes later begins it anew, as far back as `keep` and the log reach. @default 604_800_000 (7 days)
   */
  readonly ttlMs?: number | undefined
  /**
   * A namespace in which the id of the log is made known, for those who look for it with `findRelayedLogs`.
   * @default it is not
   */
  readonly announceIn?: string | undefined
  /**
   * Gets what the log fails with; and once, until it is over, what a server answers that refuses the copy (its memory is full,
   * the user may not write). Not that Redis cannot be reached. The relay goes on trying, unless the log is closed.
   */
  readonly onError: (error: unknown) => void
  /** Called when the server takes the copy that it had refused. @default nobody is told */
  readonly onRecovered?: (() => void) | undefined
  /**
   * The longest that a call waits for its answer: nobody's request waits for a relay, and a page of large values takes
   * its time.
   * @default 1000
   */
  readonly commandTimeoutMs?: number | undefined
}

export interface ResolvedRelayOptions extends ResolvedClientOptions {
  readonly log: Log
  readonly keep: number
  readonly maxValueBytes: number
  /** 0: for ever. */
  readonly ttlMs: number
  readonly announceIn: string | undefined
  readonly onError: (error: unknown) => void
  readonly onRecovered: () => void
}

const OPTIONS: readonly string[] = [
  ...CLIENT_OPTIONS,
  'log',
  'keep',
  'maxValueBytes',
  'ttlMs',
  'announceIn',
  'onError',
  'onRecovered',
]
/** Longer than a relay may pause. */
const SHORTEST_TTL_MS = 60_000
/** 100 years. */
const LONGEST_TTL_MS = 100 * 365 * 86_400_000

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveRelayOptions(options: RedisRelayOptions): ResolvedRelayOptions {
  assertKnown(options, OPTIONS, 'createRedisRelay')
  const { log, keep = 50_000, maxValueBytes = 16_384, announceIn, onError } = options
  const { ttlMs = 7 * 86_400_000, onRecovered = () => {} } = options
  port<Log>('option log', log, ['read', 'head', 'floor', 'wait'])
  return Object.freeze({
    ...resolveClient({ commandTimeoutMs: 1_000, ...options }),
    log,
    keep: wholeAtLeast('option keep', keep, 1),
    maxValueBytes: wholeAtLeast('option maxValueBytes', maxValueBytes, 0),
    ttlMs: ttlMs === Infinity ? 0 : wholeBetween('option ttlMs', ttlMs, SHORTEST_TTL_MS, LONGEST_TTL_MS),
    announceIn,
    onRecovered: callback('option onRecovered', onRecovered),
    onError: callback('option onError', onError),
  })
}
