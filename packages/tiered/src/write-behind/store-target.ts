import { type Clock, type Commit, type MarkWrite, type Proposal, TidemarkError, type Write } from '@tidemark/core'
import { type Buffered, checkpointMarks } from './buffered-write.ts'
import { deadLetterMark, type DeadLetterOffice } from './dead-letters.ts'
import type { Journal } from './journal.ts'
import type { FlushPart, FlushTarget, Verdict } from './target.ts'
import { type Holding, isLeaseLost, type Tenure } from './tenure.ts'

/** Failures that pass, or that somebody can make pass: the same flush is tried again. */
const PASSING: readonly unknown[] = [
  'BUSY',
  'DISK_FULL',
  'READ_ONLY',
  'IO',
  'TIMEOUT',
  'FRONT_UNAVAILABLE',
  'CLOSED',
  'CORRUPT',
]

/** Commits in the back tier and brings the fronts in step; `onCommitted` is called when the one is done, and before the other. */
export type CommitFlush = (proposal: Proposal, onCommitted: () => void) => Promise<Commit>

export interface StoreTargetOptions {
  readonly office: DeadLetterOffice<Buffered>
  readonly clock: Clock
  readonly journal: Journal<Buffered>
  readonly tenure: Pick<Tenure, 'held' | 'reclaim'>
  readonly commit: CommitFlush
}

/**
 * A store as the target of its own buffer. A flush is one commit of the back tier: the writes, the checkpoint, and the removal
 * from the journal of what it has written; under the lease of the journal, so that nobody flushes what others have recovered.
 */
export class StoreTarget implements FlushTarget<Buffered> {
  readonly #options: StoreTargetOptions

  constructor(options: StoreTargetOptions) {
    this.#options = options
  }

  async append(row: number, gather: () => readonly Buffered[]): Promise<void> {
    const { tenure, journal } = this.#options
    for (;;) {
      const holding = await tenure.held()
      try {
        return await journal.append(holding, row, gather)
      } catch (error) {
        if (!isLeaseLost(error)) throw error
        await tenure.reclaim(holding)
      }
    }
  }

  write(part: FlushPart<Buffered>): Promise<void> {
    const writes = part.writes.flatMap(({ write }): readonly Write[] => (write === undefined ? [] : [write]))
    const { office, journal } = this.#options
    const marks = checkpointMarks(office.keys, part.writes)
    return this.#settle(part, writes, marks, journal.level === 'memory')
  }

  verdict(error: unknown): Verdict {
    return verdictOf(error)
  }

  bury(part: FlushPart<Buffered>, error: unknown): Promise<void> {
    const { office, clock } = this.#options
    return this.#settle(part, [], [deadLetterMark(office, part.writes, error, clock.now())], false)
  }

  /** @param isFenced when the lease has run out, it is too late for this */
  async #settle(
    part: FlushPart<Buffered>,
    writes: readonly Write[],
    marks: readonly MarkWrite[],
    isFenced: boolean,
  ): Promise<void> {
    const { tenure, journal, commit } = this.#options
    for (;;) {
      const holding = await tenure.held()
      const { owner, lease } = holding
      const all = [...marks, ...journal.settle(owner, part)]
      if (writes.length === 0 && all.length === 0) return
      try {
        await commit({ reads: [], decide: () => writes, lease, keepLease: true, marks: all }, part.onWritten)
        journal.settled(owner, part.left.length === 0 ? part.to : part.from - 1)
        return
      } catch (error) {
        if (!isLeaseLost(error)) throw error
        const outcome = await tenure.reclaim(holding)
        if (isFenced) throw error
        // What was to be flushed is: whoever has recovered the journal has done it.
        if (outcome === 'lost' && journal.level !== 'memory') return
      }
    }
  }
}

export function verdictOf(error: unknown): Verdict {
  // Of a journal in memory: nobody has taken it over, but it is too late to write what others have overwritten since.
  if (isLeaseLost(error)) return 'bury'
  return error instanceof TidemarkError && PASSING.includes(error.code) ? 'retry' : 'split'
}
