/** What one process has acknowledged in one step, and not committed yet. */
export interface JournalRow {
  readonly row: number
  readonly bytes: Uint8Array
}

/**
 * Keeps rows of journals outside of the process that writes them, for as long as the server does: it may lose all of it, as any
 * front may. Every call is bounded in time.
 *
 * @throws TidemarkError FRONT_UNAVAILABLE or TIMEOUT from any method; then it may have been executed. ClosedError
 */
export interface SharedJournal {
  readonly name: string
  /** Rows of a journal come in rising order. @throws TidemarkError LEASE_LOST: the journal is sealed */
  append(journal: string, row: JournalRow): Promise<void>
  /** Refuses rows from now on: whoever recovers the journal reads it after this, and misses none that was taken. */
  seal(journal: string): Promise<void>
  /** Takes rows again. */
  unseal(journal: string): Promise<void>
  /** In order, those behind `after`. */
  read(journal: string, after: number): Promise<readonly JournalRow[]>
  /** Forgets the rows up to this one. */
  trim(journal: string, upTo: number): Promise<void>
  /** Forgets all of it. It stays sealed for a while. */
  drop(journal: string): Promise<void>
  close(): Promise<void>
}
