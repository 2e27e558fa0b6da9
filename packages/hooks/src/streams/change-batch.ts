import type { Change } from '../change.ts'

/** A step along the log: every wanted change between the last step and `token`. Whole commits only. */
export interface ChangeBatch<T = unknown> {
  readonly kind: 'changes'
  /** In seq order. Empty in a bookmark. */
  readonly changes: readonly Change<T>[]
  /** Resumes right after this batch. Store it once the batch has been dealt with. */
  readonly token: string
  /** The head of the log when the batch was read: how far behind this subscriber is. */
  readonly head: number
  /** What was left out before this batch, under `onCompacted: 'latest'`; undefined: nothing. */
  readonly skipped?: Skipped | undefined
}

/** Changes that a subscriber never gets, because the log does not hold all of them any more: those of `after < seq <= to`. */
export interface Skipped {
  readonly after: number
  readonly to: number
}
