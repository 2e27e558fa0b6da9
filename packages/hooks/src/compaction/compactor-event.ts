import type { CompactedError } from '@tidemark/core'

/** What a compactor has to tell. */
export type CompactorEvent = CompactorProgress | ChangesLost | CompactorTrouble

/** A step was done. Many of them follow one another when a long log is compacted for the first time. */
export interface CompactorProgress {
  readonly kind: 'progress'
  readonly floor: number
  /** Where this round ends. */
  readonly target: number
  /** How many changes the step removed. */
  readonly removed: number
}

/**
 * The hard cap was met: who holds the log misses changes that are gone, and meets a CompactedError when it asks for them.
 * Told again by each round that takes more from it: the last one says how much it is in the end.
 */
export interface ChangesLost {
  readonly kind: 'lost'
  readonly holder: string
  /** It has not taken the changes in `after < seq <= to`. */
  readonly after: number
  readonly to: number
  /** It had missed nothing before. */
  readonly isFirst: boolean
  /** What it meets. */
  readonly error: CompactedError
}

/** A round failed. The next one tries again. */
export interface CompactorTrouble {
  readonly kind: 'trouble'
  readonly error: unknown
}

/** What is said where nobody listens. */
export function alarmOf(event: ChangesLost | CompactorTrouble): string {
  return event.kind === 'trouble'
    ? 'the log could not be compacted'
    : `the log has let go of the changes from ${event.after + 1} to ${event.to}, which ${event.holder} has not taken`
}
