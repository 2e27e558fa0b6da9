import { type Back, type Clock, type Lease, type MarkWrite, Payload, type StoreKey, type Write } from '@tidemark/core'
import { type Buffered, checkpointMarks } from './buffered-write.ts'
import { deadLetterMark } from './dead-letters.ts'
import { rowMark } from './journal.ts'
import { type CommitFlush, verdictOf } from './store-target.ts'
import type { FlushPart, FlushTarget } from './target.ts'

export interface RecoveryTargetOptions {
  readonly back: Pick<Back, 'codec'>
  readonly clock: Clock
  readonly owner: string
  readonly lease: Lease
  /** The marks of the journal: all of them go. */
  readonly used: readonly StoreKey[]
  readonly commit: CommitFlush
}

/** Where the journal of somebody who is gone is flushed to: the last commit removes the journal, and ends its lease. */
export function recoveryTarget(options: RecoveryTargetOptions): FlushTarget<Buffered> {
  const { back, clock, owner, lease, used, commit } = options
  const begun = Payload.encode(back.codec, { v: 1, isRecovered: true })
  const settle = async (
    { left, to, onWritten }: FlushPart<Buffered>,
    writes: readonly Write[],
    marks: readonly MarkWrite[],
  ): Promise<void> => {
    const isLast = left.length === 0
    const [ownerMark, ...rows] = used
    const journal = [
      ...(isLast ? [{ key: ownerMark!, value: undefined }] : []),
      ...rows.map((key) => ({ key, value: undefined })),
      ...(isLast ? [] : [rowMark(back, owner, to, left), { key: ownerMark!, value: begun }]),
    ]
    const proposal = { reads: [], decide: () => writes, lease, keepLease: !isLast, marks: [...marks, ...journal] }
    await commit(proposal, onWritten)
  }
  return {
    append: () => Promise.reject(new TypeError('nothing is added to the journal of somebody else')),
    write: (part) =>
      settle(
        part,
        part.writes.flatMap(({ write }) => (write === undefined ? [] : [write])),
        checkpointMarks(part.writes),
      ),
    verdict: (error) => (verdictOf(error) === 'split' ? 'split' : 'retry'),
    bury: (part, error) => settle(part, [], [deadLetterMark(back.codec, part.writes, error, clock.now())]),
  }
}
