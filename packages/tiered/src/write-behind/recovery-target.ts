import type { Clock, MarkWrite, Write } from '@tidemark/core'
import { type Buffered, checkpointMarks } from './buffered-write.ts'
import { deadLetterMark, type DeadLetterOffice } from './dead-letters.ts'
import { type RecoveredJournal, settleRecovered } from './recovered-journal.ts'
import { type CommitFlush, verdictOf } from './store-target.ts'
import type { FlushPart, FlushTarget } from './target.ts'

export interface RecoveryTargetOptions {
  readonly office: DeadLetterOffice<Buffered>
  readonly clock: Clock
  readonly journal: RecoveredJournal
  readonly commit: CommitFlush
}

/** A store, into which the journal of somebody who is gone is flushed: the last commit removes the journal, and ends its lease. */
export function recoveryTarget({ office, clock, journal, commit }: RecoveryTargetOptions): FlushTarget<Buffered> {
  const settle = async (
    part: FlushPart<Buffered>,
    writes: readonly Write[],
    marks: readonly MarkWrite[],
  ): Promise<void> => {
    const keepLease = part.left.length > 0 || !journal.isLast
    const all = [...marks, ...settleRecovered(office, journal, part)]
    await commit({ reads: [], decide: () => writes, lease: journal.lease, keepLease, marks: all }, part.onWritten)
  }
  return {
    append: () => Promise.reject(new TypeError('nothing is added to the journal of somebody else')),
    write: (part) => {
      const writes = part.writes.flatMap(({ write }) => (write === undefined ? [] : [write]))
      return settle(part, writes, checkpointMarks(office.keys, part.writes))
    },
    verdict: verdictOf,
    bury: (part, error) => settle(part, [], [deadLetterMark(office, part.writes, error, clock.now())]),
  }
}
