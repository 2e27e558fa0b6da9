import { assertKnown, callback, type Log, port, wholeAtLeast } from '@tidemark/core'
import { CLIENT_OPTIONS, type RedisClientOptions, type ResolvedClientOptions, resolveClient } from '../options.ts'

export interface RedisRelayOptions extends RedisClientOptions {
  /** What is copied. */
  readonly log: Log
  /** How many changes the stream keeps, about: who is further behind has to ask an instance with the file. @default 50_000 */
  readonly keep?: number | undefined
  /** A value that takes more bytes stays behind: its readers learn that there is one. @default 16_384 (16 KiB) */
  readonly maxValueBytes?: number | undefined
  /**
   * A namespace in which the id of the log is made known, for those who look for it with `findRelayedLogs`.
   * @default it is not
   */
  readonly announceIn?: string | undefined
  /** Gets what the log fails with. The relay goes on trying, unless the log is closed. */
  readonly onError: (error: unknown) => void
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
  readonly announceIn: string | undefined
  readonly onError: (error: unknown) => void
}

const OPTIONS: readonly string[] = [...CLIENT_OPTIONS, 'log', 'keep', 'maxValueBytes', 'announceIn', 'onError']

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveRelayOptions(options: RedisRelayOptions): ResolvedRelayOptions {
  assertKnown(options, OPTIONS, 'createRedisRelay')
  const { log, keep = 50_000, maxValueBytes = 16_384, announceIn, onError } = options
  port<Log>('option log', log, ['read', 'head', 'floor', 'wait'])
  return Object.freeze({
    ...resolveClient({ commandTimeoutMs: 1_000, ...options }),
    log,
    keep: wholeAtLeast('option keep', keep, 1),
    maxValueBytes: wholeAtLeast('option maxValueBytes', maxValueBytes, 0),
    announceIn,
    onError: callback('option onError', onError),
  })
}
