import type { Clock, Log, MarkWrite, Write } from '@tidemark/core'
import { type Buffered, checkpointMarks } from './buffered-write.ts'
import { concernedBy } from './concerned.ts'
import { deadLetterMark, type DeadLetterOffice } from './dead-letters.ts'
import type { Destination } from './flush-batch.ts'
import { type HeldBack } from './held-back.ts'
import { OvertakenError } from './overtaken.ts'
import { type RecoveredJournal, settleRecovered } from './recovered-journal.ts'
import { type CommitFlush, verdictOf } from './store-target.ts'
import type { FlushPart } from './target.ts'
import { writtenSince } from './written-since.ts'

/** How often to look at the log again while others write all the time. */
const LOOKS = 10

export interface RecoveryTargetOptions {
  readonly office: DeadLetterOffice<Buffered>
  readonly log: Pick<Log, 'read'>
  readonly clock: Clock
  readonly journal: RecoveredJournal
  readonly commit: CommitFlush
}

/** Others have written since the log was looked at. */
class MovedOn extends Error {}

/** A store, into which the journal of somebody who is gone is flushed: the last commit removes the journal, and ends its lease. */
export function recoveryTarget({ office, log, clock, journal, commit }: RecoveryTargetOptions): Destination<Buffered> {
  const { lease, heldBack, isLast } = journal
  const marksOf = (part: FlushPart<Buffered>, marks: readonly MarkWrite[]): readonly MarkWrite[] => [
    ...marks,
    ...settleRecovered(office, journal, part),
  ]
  const keepLease = ({ left }: FlushPart<Buffered>): boolean => left.length > 0 || !isLast

  async function write(part: FlushPart<Buffered>): Promise<void> {
    const writes = writesOf(part)
    const marks = marksOf(part, checkpointMarks(office.keys, part.writes))
    const proposal = { reads: [], decide: () => writes, lease, keepLease: keepLease(part), marks }
    await commit(proposal, part.onWritten)
  }

  /**
   * Unless any of it was written since, or invalidated by a tag. What exists tells by its version, in the transaction itself. What does not exist may have
   * been deleted since: the log tells, if nothing has come to it since it was read, which the seqs of the commit tell.
   */
  async function writeLate(part: FlushPart<Buffered>, { head, checkpoints }: HeldBack): Promise<void> {
    const writes = writesOf(part)
    const reads = writes.flatMap(concernedBy)
    const isMeant = new Set(reads.map(({ id }) => id))
    const states = await checkpointsSince(part, checkpoints)
    for (let look = 0; look < LOOKS; look++) {
      const since = await writtenSince(log, head, ({ key }) => isMeant.has(key.id))
      if (since !== undefined && since.ids.size > 0) throw overtaken()
      let isAnyAbsent = false
      const decide = (current: readonly ({ readonly version: number } | undefined)[]): readonly Write[] => {
        isAnyAbsent = current.includes(undefined)
        if (current.some((entry) => entry !== undefined && entry.version > head)) throw overtaken()
        if (isAnyAbsent && since === undefined) throw overtaken()
        return writes
      }
      const marks = (changes: readonly { readonly first: number }[]): readonly MarkWrite[] => {
        if (isAnyAbsent && changes.some(({ first }) => first - 1 !== since!.upTo)) throw new MovedOn()
        return marksOf(part, states)
      }
      try {
        await commit({ reads, decide, lease, keepLease: keepLease(part), marks }, part.onWritten)
        return
      } catch (error) {
        if (!(error instanceof MovedOn)) throw error
      }
    }
    throw overtaken()
  }

  /** As long as they are what they were then. */
  async function checkpointsSince(
    part: FlushPart<Buffered>,
    then: HeldBack['checkpoints'],
  ): Promise<readonly MarkWrite[]> {
    const named = part.writes.flatMap(({ checkpoint }) => (checkpoint === undefined ? [] : [checkpoint.name]))
    const marks = checkpointMarks(office.keys, part.writes)
    const now = await office.back.marks.read(marks.map(({ key }) => key))
    return marks.map((mark, i) => {
      const [before, current] = [then.get(named[i]!), now[i]]
      const isSame = before === undefined || current === undefined ? before === current : current.isSameAs(before)
      if (!isSame) throw overtaken()
      return { ...mark, expected: current }
    })
  }

  return {
    write: (part) => (heldBack === undefined ? write(part) : writeLate(part, heldBack)),
    verdict: verdictOf,
    async bury(part, error) {
      const marks = marksOf(part, [deadLetterMark(office, part.writes, error, clock.now())])
      const proposal = { reads: [], decide: () => [], lease, keepLease: keepLease(part), marks }
      await commit(proposal, part.onWritten)
    },
  }
}

function writesOf({ writes }: FlushPart<Buffered>) {
  return writes.flatMap(({ write }) => (write === undefined ? [] : [write]))
}

function overtaken(): OvertakenError {
  return new OvertakenError('the journal could not be recovered when its writer was gone')
}
