/** What the virtual users did, in all. */
export class Tally {
  /** How often one of them did something: a read, or an edit with the reads around it. */
  turns = 0
  reads = 0
  writes = 0
  /** Edits that met a newer version than they were made from (412), and were made again. */
  conflicts = 0
  /** Requests that were under way on an instance when it was killed: what became of them, nobody knows. */
  interrupted = 0
  errors = 0
  /** The last of them, for people. */
  lastError: string | undefined

  failed(what: string): void {
    this.errors++
    this.lastError = what
  }
}
