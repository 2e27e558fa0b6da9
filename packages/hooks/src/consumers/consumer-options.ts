import {
  assertKnown,
  type Clock,
  clockOption,
  callback,
  duration,
  flag,
  type Key,
  type Log,
  oneOf,
  port,
  wholeAtLeast,
  wholeBetween,
} from '@tidemark/core'
import { type ChangeFilter, compileFilter, type RowFilter } from '../change-filter.ts'
import { type Delivery, deliveryOf } from './delivery.ts'

/** What to do with a change that failed `attempts` times. */
export type FailurePolicy = 'halt' | 'park' | 'parkKey'

export interface ConsumerOptions extends ChangeFilter {
  /**
   * Only keys whose first parts are these; of the invalidations of tags, none. Like `ops` and `transaction`, fixed when
   * the consumer is registered for the first time.
   * @default every change
   */
  readonly prefix?: Key | readonly [] | undefined
  /**
   * Where the consumer begins when it is registered for the first time; later on it goes on from where it was,
   * whatever stands here. As of `changes`: `start` and a date are refused with a CompactedError when the log no
   * longer holds that.
   * @default 'now'
   */
  readonly from?: 'start' | 'now' | Date | undefined
  /**
   * Over how many lanes keys are spread: so many handlers may run at once, over all processes; the changes of one key
   * are in one lane, in order. Fixed when the consumer is registered for the first time; 1 to 1024.
   * @default 8
   */
  readonly lanes?: number | undefined
  /**
   * How often a change is tried before `onFailure` decides. A DELIVERY_FAILED that is not `retryable` is not tried again, and
   * one with `retryAfterMs` no earlier than that.
   * @default 5
   */
  readonly attempts?: number | undefined
  /**
   * Between attempts: doubles from `minMs` to at most `maxMs`, of which a random half to whole is waited.
   * @default 100 and 30_000, or what fits the other one
   */
  readonly backoff?: { readonly minMs?: number | undefined; readonly maxMs?: number | undefined } | undefined
  /**
   * How long a handler may take: then its signal aborts, and the attempt has failed. What it still does is not
   * stopped by that, and not waited for. @default 60_000
   */
  readonly timeoutMs?: number | undefined
  /**
   * For how long a process that is gone keeps its lanes from the others; 100 ms to a day. A process that is stopped
   * for longer loses its lanes.
   * @default 10_000
   */
  readonly leaseMs?: number | undefined
  /**
   * `halt`: the lane stands still until `resume()`; nothing is skipped. `park`: the change is set aside, and what
   * follows goes on, its own key included. `parkKey`: later changes of the same key are set aside behind it, so that
   * they are replayed in order.
   * @default 'halt'
   */
  readonly onFailure?: FailurePolicy | undefined
  /**
   * How many changes of a lane may be parked. Where another one would have to be, the lane halts with PARKED_FULL, and
   * goes on by itself when some were replayed or dropped. Also bounds what `parkKey` holds in memory: for each of them its
   * seq, for each of their keys the key.
   * @default 10_000
   */
  readonly maxParked?: number | undefined
  /**
   * What to do when the log no longer holds what comes next, or is another one: compacted, restored, diverged.
   * `error`: the lane is halted. `latest`: it goes on with what is committed from then on, and an event says what was
   * skipped.
   * @default 'error'
   */
  readonly onCompacted?: 'error' | 'latest' | undefined
  /** How long `close` waits for the batches in hand, in milliseconds. @default 10_000 */
  readonly closeGraceMs?: number | undefined
  /**
   * The log of the back tier, where other subscribers of the process share it: see `sharedLog`.
   * @default one that the lanes of this consumer share
   */
  readonly log?: Log | undefined
  /** Closes the consumer when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
  /** From 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined
}

/** With it, the handler gets arrays. Without it, it gets one change at a time, and not in an array. */
export interface Batched {
  /** How many changes of one lane the handler gets at most. */
  readonly batch: number
}

/** With it, the handler gets a transaction. */
export interface Transactional {
  /**
   * What the handler writes through `tx` is committed together with the lane's place in the log, or not at all: exactly
   * once.
   */
  readonly transaction: true
}

/** Of all kinds of consumers, checked, with every default. */
export interface ResolvedConsumerOptions {
  readonly from: 'start' | 'now' | number
  readonly lanes: number
  readonly batch: number
  /** The handler takes arrays. */
  readonly isBatched: boolean
  readonly attempts: number
  readonly backoff: { readonly minMs: number; readonly maxMs: number }
  readonly timeoutMs: number
  readonly leaseMs: number
  readonly onFailure: FailurePolicy
  readonly maxParked: number
  readonly onCompacted: 'error' | 'latest'
  readonly transaction: boolean
  readonly closeGraceMs: number
  readonly log: Log | undefined
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly isWanted: RowFilter
  readonly delivery: Delivery
}

const NAMES: readonly (keyof ConsumerOptions | keyof Batched | keyof Transactional)[] = [
  'prefix',
  'ops',
  'from',
  'lanes',
  'batch',
  'attempts',
  'backoff',
  'timeoutMs',
  'leaseMs',
  'onFailure',
  'maxParked',
  'onCompacted',
  'transaction',
  'closeGraceMs',
  'log',
  'signal',
  'clock',
  'random',
]

const MAX_LANES = 1024
const DAY_MS = 86_400_000

/** @throws TypeError or RangeError naming the option and what is allowed. */
export function resolveConsumerOptions(
  options: ConsumerOptions & { readonly batch?: number | undefined; readonly transaction?: boolean | undefined },
): ResolvedConsumerOptions {
  assertKnown(options, NAMES, 'consume')
  const { from = 'now', backoff = {}, random = Math.random, signal } = options
  assertKnown(backoff, ['minMs', 'maxMs'], 'backoff')
  const maxMs = duration('option backoff.maxMs', backoff.maxMs ?? Math.max(30_000, backoff.minMs ?? 0))
  const minMs = duration('option backoff.minMs', backoff.minMs ?? Math.min(100, maxMs))
  const transaction = flag('option transaction', options.transaction ?? false)
  if (maxMs < minMs) throw new RangeError(`option backoff.maxMs must be at least minMs, ${minMs}, not ${maxMs}`)
  return Object.freeze({
    from: from instanceof Date ? timeOf(from) : oneOf('option from', from, ['start', 'now']),
    lanes: wholeBetween('option lanes', options.lanes ?? 8, 1, MAX_LANES),
    batch: wholeAtLeast('option batch', options.batch ?? 1, 1),
    isBatched: options.batch !== undefined,
    attempts: wholeAtLeast('option attempts', options.attempts ?? 5, 1),
    backoff: { minMs, maxMs },
    timeoutMs: wholeBetween('option timeoutMs', options.timeoutMs ?? 60_000, 1, DAY_MS),
    leaseMs: wholeBetween('option leaseMs', options.leaseMs ?? 10_000, 100, DAY_MS),
    onFailure: oneOf('option onFailure', options.onFailure ?? 'halt', ['halt', 'park', 'parkKey']),
    maxParked: wholeAtLeast('option maxParked', options.maxParked ?? 10_000, 1),
    onCompacted: oneOf('option onCompacted', options.onCompacted ?? 'error', ['error', 'latest']),
    transaction,
    closeGraceMs: duration('option closeGraceMs', options.closeGraceMs ?? 10_000),
    log: options.log && port<Log>('option log', options.log, ['head', 'read', 'wait']),
    signal: signal && port<AbortSignal>('option signal', signal, ['addEventListener', 'removeEventListener']),
    clock: clockOption(options.clock),
    random: callback('option random', random),
    isWanted: compileFilter(options),
    delivery: deliveryOf(options, transaction),
  })
}

/** @throws RangeError */
export function timeOf(from: Date): number {
  const at = from.getTime()
  if (Number.isNaN(at)) throw new RangeError('option from must be a valid date')
  return at
}
