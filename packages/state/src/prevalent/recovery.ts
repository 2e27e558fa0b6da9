import type { Dropped } from '../journal/dropped.ts'

/** What opening found. */
export interface Recovery {
  /** The number of the last transaction in the snapshot that the state was made from. */
  readonly snapshot: number
  /** How many transactions were replayed on top of it. */
  readonly replayed: number
  /** Empty, unless something was damaged. */
  readonly dropped: readonly Dropped[]
}
