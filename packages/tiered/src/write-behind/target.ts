import type { Dirty } from './batch.ts'

/** What of a batch is to be written now. */
export interface FlushPart<D extends Dirty> {
  readonly writes: readonly D[]
  /** What of the same batch is still to be written after this. */
  readonly left: readonly D[]
  /** The rows of the journal that the batch covers; the last part may cover none (`to < from`). */
  readonly from: number
  readonly to: number
  /** To be called when they are durable, and from when on reads find them there. */
  readonly onWritten: () => void
  /** Whether somebody else has taken the journal over, and writes them: under no lease that is held since then. */
  readonly isLost: () => boolean
  /** Of two that follow each other in `left`: whether they are to be written together. */
  readonly areTogether: (one: Dirty, other: Dirty) => boolean
}

/** What to do about a flush that failed. `retry`: the same once more, later · `split`: something in it is refused for good, find out what */
export type Verdict = 'retry' | 'split'

/** Where a buffer journals and flushes to. */
export interface FlushTarget<D extends Dirty> {
  /**
   * Makes writes as safe as their acknowledgement promises. `gather` says what there is to journal; it is called at the
   * last moment, and may be called again: the last call counts.
   */
  append(row: number, gather: () => readonly D[]): Promise<void>
  /** Writes, and removes from the journal what need not be written any more, as one step. */
  write(part: FlushPart<D>): Promise<void>
  verdict(error: unknown): Verdict
  /** Sets aside what is refused for good, with its payload, and removes it from the journal. */
  bury(part: FlushPart<D>, error: unknown): Promise<void>
}
