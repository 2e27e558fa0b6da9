import { assertKnown, between, duration, oneOf, port, type SharedJournal } from '@tidemark/core'
import { JOURNAL_LEVELS, type JournalLevel } from './journal.ts'
import { noPresence, type Presence } from './presence.ts'
import { BUFFER_LIMITS, type BufferLimits, resolveLimits, type ResolvedLimits } from './limits.ts'

/** How writes with `writePolicy: 'write-behind'` are kept until they are flushed. */
export interface WriteBehindOptions extends BufferLimits {
  /**
   * How safe a write is when it is acknowledged. `journal`: as durable as any other · `front`: it lies in the shared front ·
   * `memory`: it is lost when the process dies before the flush.
   * @default 'journal'
   */
  readonly acknowledge?: JournalLevel | undefined
  /**
   * For how long others leave the journal of a process alone that does not answer, in milliseconds, 100..3,600,000: after that
   * they flush it.
   * @default 5_000
   */
  readonly leaseMs?: number | undefined
  /**
   * What a store does that is opened while writes cannot be recovered that others have acknowledged and left behind when they
   * died: because Redis is down, where they lie, or a key of the codec is missing. `refuse`: it is not opened (UNRECOVERED) ·
   * `leave`: it goes on without them, and `onError` is told. They are not lost: they are committed when they can be, as far as
   * nobody has written the same since; the rest becomes dead letters.
   * @default 'refuse'
   */
  readonly unrecovered?: 'refuse' | 'leave' | undefined
  /** For how long opening waits for that, where it may pass, in milliseconds. @default 10_000 */
  readonly recoverWithinMs?: number | undefined
  /** Where journals of the level `front` lie, this process's own and those of others. Owned, and closed. @default none */
  readonly shared?: SharedJournal | undefined
  /** How a process that is gone is told from one that does not answer. @default not at all: its lease has to run out */
  readonly presence?: Presence | undefined
}

const KNOWN: readonly string[] = [
  ...BUFFER_LIMITS,
  'acknowledge',
  'leaseMs',
  'unrecovered',
  'recoverWithinMs',
  'shared',
  'presence',
] satisfies (keyof WriteBehindOptions)[]

export interface ResolvedWriteBehind {
  readonly acknowledge: JournalLevel
  readonly leaseMs: number
  readonly unrecovered: 'refuse' | 'leave'
  readonly recoverWithinMs: number
  readonly shared: SharedJournal | undefined
  readonly presence: Presence
  readonly limits: ResolvedLimits
}

/** @throws TypeError or RangeError that names the option. */
export function resolveWriteBehind(options: WriteBehindOptions = {}): ResolvedWriteBehind {
  assertKnown(options, KNOWN, 'writeBehind')
  const acknowledge = oneOf('option acknowledge', options.acknowledge ?? 'journal', JOURNAL_LEVELS)
  if (acknowledge === 'front' && options.shared === undefined) {
    throw new TypeError('option acknowledge is front: that takes a shared front to keep the journal in')
  }
  return Object.freeze({
    acknowledge,
    shared: options.shared,
    leaseMs: between('option leaseMs', options.leaseMs ?? 5_000, 100, 3_600_000),
    unrecovered: oneOf('option unrecovered', options.unrecovered ?? 'refuse', ['refuse', 'leave'] as const),
    recoverWithinMs: duration('option recoverWithinMs', options.recoverWithinMs ?? 10_000),
    presence: port('option presence', options.presence ?? noPresence, ['describe', 'isGone']),
    limits: resolveLimits(options),
  })
}
