/** Where a sync is. */
export interface SyncState {
  /**
   * `standby`: another process of the target does the work, or this one is about to begin. `snapshot`: it copies what
   * there is. `following`: everything was copied, and changes are, as they come. `retrying`: something failed that may
   * pass; it is tried again. `failed`: it has ended by itself, because of `error`. `closed`: it was ended.
   */
  readonly phase: 'standby' | 'snapshot' | 'following' | 'retrying' | 'failed' | 'closed'
  /** The target holds what the source held right after this change; in a snapshot, of the keys that were copied. */
  readonly position: number
  /** The head of the source, when it was looked at last. */
  readonly head: number
  /** How many entries and changes of the source this process has dealt with. */
  readonly taken: number
  /** Why it is retried, or has failed. */
  readonly error: unknown
}

/** One entry could not be taken over; the others were. */
export interface EntryFailed {
  readonly kind: 'entry-failed'
  /** In the source, in its readable form. */
  readonly key: string
  readonly seq: number
  readonly error: unknown
}

/** The target or the source failed. What was under way is tried again from the checkpoint. */
export interface SyncTrouble {
  readonly kind: 'trouble'
  readonly error: unknown
}

/** The place in the source's log is gone, and everything is compared anew. */
export interface SyncRestart {
  readonly kind: 'restart'
  readonly error: unknown
}

/** It has ended by itself. */
export interface SyncFailed {
  readonly kind: 'failed'
  readonly error: unknown
}

export type SyncEvent = EntryFailed | SyncTrouble | SyncRestart | SyncFailed
