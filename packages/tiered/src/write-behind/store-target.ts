import {
  type Clock,
  type Commit,
  type MarkWrite,
  Payload,
  type Proposal,
  TidemarkError,
  type Write,
} from '@tidemark/core'
import { type Buffered, checkpointMarks } from './buffered-write.ts'
import { deadLetterMark, type DeadLetterOffice } from './dead-letters.ts'
import type { Journal } from './journal.ts'
import type { FlushPart, FlushTarget, Verdict } from './target.ts'
import { isLeaseLost, type Tenure } from './tenure.ts'

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
  /** The last flush has failed: it may be committed all the same. */
  #isUncertain = false

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
        if ((await tenure.reclaim(holding)) === 'kept') await journal.reopen(holding.owner)
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
      // It may have waited for the lease of the journal that was begun after that.
      if (part.isLost()) return
      if (isFenced && part.isStale()) throw tooLate()
      const { owner, lease } = holding
      if (this.#isUncertain && (await this.#isFlushed(owner, part))) return this.#settled(owner, part)
      const all = [...marks, ...journal.settle(owner, part), this.#note(owner, part)]
      try {
        await commit({ reads: [], decide: () => writes, lease, keepLease: true, marks: all }, part.onWritten)
        this.#isUncertain = false
        return this.#settled(owner, part)
      } catch (error) {
        this.#isUncertain = true
        if (!isLeaseLost(error)) throw error
        const outcome = await tenure.reclaim(holding)
        if (isFenced) throw error
        // What was to be flushed is: whoever has recovered the journal has done it.
        if (outcome === 'lost' && journal.level !== 'memory') return
      }
    }
  }

  #settled(owner: string, { left, from, to }: FlushPart<Buffered>): void {
    this.#options.journal.settled(owner, left.length === 0 ? to : from - 1)
  }

  /** How far the journal is flushed, so that a flush whose outcome nobody has told is not made twice. */
  #note(owner: string, { to, left }: FlushPart<Buffered>): MarkWrite {
    const { back, keys } = this.#options.office
    return { key: keys.flushed(owner), value: Payload.encode(back.codec, { v: 1, to, left: left.length }) }
  }

  async #isFlushed(owner: string, { to, left, onWritten }: FlushPart<Buffered>): Promise<boolean> {
    const { back, keys } = this.#options.office
    const [mark] = await back.marks.read([keys.flushed(owner)])
    this.#isUncertain = false
    if (mark === undefined) return false
    const flushed = mark.decode() as { readonly to: number; readonly left: number }
    const isFlushed = flushed.to > to || (flushed.to === to && flushed.left <= left.length)
    if (isFlushed) onWritten()
    return isFlushed
  }
}

export function verdictOf(error: unknown): Verdict {
  // Of a journal in memory: nobody has taken it over, but it is too late to write what others have overwritten since.
  if (isLeaseLost(error)) return 'bury'
  return error instanceof TidemarkError && PASSING.includes(error.code) ? 'retry' : 'split'
}

function tooLate(): TidemarkError {
  return new TidemarkError(
    'LEASE_LOST',
    'the process was stopped for longer than its lease; others may have written since',
  )
}
