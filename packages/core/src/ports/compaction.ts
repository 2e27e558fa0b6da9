export interface CompactOptions {
  /** No change with a higher seq is removed. */
  readonly upTo: number
  /** How many changes to remove at most, about: a commit goes as a whole, or stays. */
  readonly limit: number
  /**
   * Changes that made what entries are now stay, below the floor: `at` and `changesOf` still find them, `read` does not.
   * @default false
   */
  readonly keepLatest?: boolean | undefined
}

export interface Compacted {
  /** Of the log, afterwards. */
  readonly floor: number
  readonly removed: number
  /** false: there is more to remove up to `upTo`. */
  readonly done: boolean
}

/** Shortens the log. Small steps, each a transaction of its own: writers wait for one at most. */
export interface Compaction {
  /**
   * Removes the oldest changes and moves the floor, in one transaction.
   * @throws TidemarkError BUSY, READ_ONLY, DISK_FULL, IO; ClosedError
   */
  compact(options: CompactOptions): Promise<Compacted>
  /** How many bytes the changes in `after < seq <= upTo` take, about. */
  sizeOf(after: number, upTo: number): Promise<number>
  /**
   * Gives disk space back that compaction has freed, about `bytes` of it; writes use what is left first.
   * @returns whether there is more
   */
  reclaim(bytes: number): Promise<boolean>
}
