import type { CompactedError, StoreEntry } from '@tidemark/core'
import type { Change } from '../change.ts'
import type { ChangeBatch } from './change-batch.ts'

/** An entry of a snapshot, as readers of the store see it; expired ones, and those with an invalidated tag, are none. */
export interface SnapshotEntry<T = unknown> extends StoreEntry<T> {
  /** The entry is absent from the first `invalidate-tag` change of one of these on that is newer than its version. */
  readonly tags: readonly string[]
}

/** Entries that were not shown yet, in key order. */
export interface SnapshotStep<T = unknown> {
  readonly kind: 'snapshot'
  readonly entries: readonly SnapshotEntry<T>[]
  /** They are what the store held right after this change. */
  readonly asOf: number
}

/**
 * What happened to the keys that the snapshot has shown already, while it went on. Of a commit it holds what concerns
 * those keys; the rest comes with the entries that follow.
 */
export interface CatchUpStep<T = unknown> {
  readonly kind: 'catch-up'
  /** In seq order. */
  readonly changes: readonly Change<T>[]
}

/** Everything was shown: whoever has followed the steps holds what the store held at this position. */
export interface ReadyStep {
  readonly kind: 'ready'
  /** Resumes from here. There is none before: it could not tell what was shown already. */
  readonly token: string
  readonly head: number
}

/** All that was shown so far is void, and is to be forgotten: the log was compacted too far to go on. A snapshot follows. */
export interface RestartStep {
  readonly kind: 'restart'
  readonly reason: CompactedError
}

/** What a stream that begins with, or falls back to, a snapshot consists of. */
export type FollowStep<T = unknown> = SnapshotStep<T> | CatchUpStep<T> | ReadyStep | RestartStep | ChangeBatch<T>
