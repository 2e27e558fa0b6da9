import { assertKnown, wholeAtLeast, wholeBetween } from '@tidemark/core'
import { CLIENT_OPTIONS, type RedisClientOptions, type ResolvedClientOptions, resolveClient } from './options.ts'

export interface RedisStreamOptions extends Omit<RedisClientOptions, 'namespace'> {
  /** The key of the stream. What was added stands beside it, under keys that begin with it and `:seen:`. */
  readonly stream: string
  /** How many entries the stream keeps, about (`MAXLEN ~`). @default all */
  readonly maxLength?: number | undefined
  /**
   * For how long it is remembered that a change was added, since something near it in the log was. A change that comes again
   * later than that is added again. @default 604_800_000 (7 days)
   */
  readonly rememberMs?: number | undefined
  /** The longest that a call waits for its answer, and a batch for a connection. @default 2000 */
  readonly commandTimeoutMs?: number | undefined
}

export interface ResolvedStreamOptions {
  readonly client: ResolvedClientOptions
  readonly stream: string
  /** 0: all. */
  readonly keep: number
  readonly rememberMs: number
}

const OPTIONS = [...CLIENT_OPTIONS.filter((name) => name !== 'namespace'), 'stream', 'maxLength', 'rememberMs']
/** 100 years. */
const LONGEST_MS = 100 * 365 * 86_400_000

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveStreamOptions(options: RedisStreamOptions): ResolvedStreamOptions {
  assertKnown(options, OPTIONS, 'redisStream')
  const { stream, maxLength, rememberMs = 7 * 86_400_000 } = options
  if (typeof stream !== 'string' || stream === '') throw new TypeError('option stream must be the key of a stream')
  return Object.freeze({
    client: Object.freeze(resolveClient({ commandTimeoutMs: 2_000, ...options })),
    stream,
    keep: maxLength === undefined ? 0 : wholeAtLeast('option maxLength', maxLength, 1),
    rememberMs: wholeBetween('option rememberMs', rememberMs, 1, LONGEST_MS),
  })
}
