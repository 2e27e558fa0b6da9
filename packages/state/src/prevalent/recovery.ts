import type { Key } from '@tidemark/core'

/** A record of the journal, or a snapshot, that could not be used. */
export interface Dropped {
  /** The first transaction in it, or the last one in the snapshot. */
  readonly number: number
  readonly what: 'journal' | 'snapshot'
  readonly reason: string
  /** Where it was put, as it was; undefined: it is where it was. */
  readonly movedTo: Key | undefined
}

/** What opening found. */
export interface Recovery {
  /** The number of the last transaction in the snapshot that the state was made from. */
  readonly snapshot: number
  /** How many transactions were replayed on top of it. */
  readonly replayed: number
  /** Empty, unless something was damaged. */
  readonly dropped: readonly Dropped[]
}
