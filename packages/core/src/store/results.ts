import type { ReadonlyKeyMap } from '../keys/key-map.ts'
import type { Commit, TierReport } from '../ports/back.ts'

/** What became of a write. It is durable when the promise resolves; written behind, as durable as that was chosen to be. */
export interface WriteResult {
  /**
   * The version of what was written. Nothing changed (an empty batch): the head of the log. 0: it was written behind, and is
   * not committed yet.
   */
  readonly version: number
  /** What each front did with it. A front that failed has not made the write fail. */
  readonly tiers: readonly TierReport[]
}

export function writeResult(commit: Commit): WriteResult {
  return { version: commit.changes.at(-1)?.seq ?? commit.asOf, tiers: commit.tiers }
}

export interface DeleteResult extends WriteResult {
  /** Whether there was something to delete. */
  readonly deleted: boolean
}

export interface DeleteManyResult extends WriteResult {
  /** For each key that was asked for, whether there was something to delete. */
  readonly deleted: ReadonlyKeyMap<boolean>
}

/** What an update replaced, and by what; undefined where there was, or is now, nothing. */
export interface UpdateResult<T> extends WriteResult {
  readonly old: T | undefined
  readonly new: T | undefined
}
