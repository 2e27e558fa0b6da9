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
import { type Overtaken, OvertakenError } from './overtaken.ts'
import type { FlushPart, FlushTarget, Verdict } from './target.ts'
import { isLeaseLost, type Tenure } from './tenure.ts'
import type { WriteDates } from './write-dates.ts'

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
  'LEASE_LOST',
]

/** Commits in the back tier and brings the fronts in step; `onCommitted` is called when the one is done, and before the other. */
export type CommitFlush = (proposal: Proposal, onCommitted: () => void) => Promise<Commit>

export interface StoreTargetOptions {
  readonly office: DeadLetterOffice<Buffered>
  readonly clock: Clock
  readonly journal: Journal<Buffered>
  readonly tenure: Pick<Tenure, 'held' | 'reclaim' | 'owner'>
  readonly dates: WriteDates
  /** Of what lies in memory alone; undefined: nothing does. */
  readonly overtaken: Overtaken<Buffered> | undefined
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
  /** Whose journal has refused a row: somebody was about to recover it. */
  #sealed: string | undefined

  constructor(options: StoreTargetOptions) {
    this.#options = options
  }

  async append(row: number, gather: () => readonly Buffered[]): Promise<void> {
    const { tenure, journal, overtaken, dates } = this.#options
    let first: string | undefined
    for (;;) {
      const holding = await tenure.held()
      first ??= holding.owner
      // In the journal before this one, without a reply: to write it here, too, might write it twice.
      if (first !== holding.owner && journal.mayStandIn(row)) throw recoveredMeanwhile()
      try {
        if (this.#sealed === holding.owner) await journal.reopen(holding.owner)
        this.#sealed = undefined
        let writes: readonly Buffered[] = []
        await journal.append(holding, row, () => (writes = gather()))
        overtaken?.acknowledge(writes, holding.lease.token)
        // What was committed until now was before it.
        const looked = dates.look()
        if (looked !== undefined) await looked
        const at = dates.now()
        for (const each of writes) if (each.write !== undefined) each.at = at
      } catch (error) {
        if (!isLeaseLost(error)) throw error
        this.#sealed = holding.owner
        await tenure.reclaim(holding)
        continue
      }
      // Whoever has recovered the journal before this was told of the row has found it there. Whoever takes it for one that is
      // still to be flushed writes it twice.
      if (tenure.owner !== holding.owner) throw recoveredMeanwhile()
      return
    }
  }

  async write(part: FlushPart<Buffered>): Promise<void> {
    const { office, overtaken } = this.#options
    const writes: Write[] = []
    for (const { write } of part.writes) if (write !== undefined) writes.push(write)
    const marks = checkpointMarks(office.keys, part.writes)
    await this.#settle(part, writes, marks, () => {
      if (overtaken !== undefined && part.writes.some((write) => overtaken.has(write))) {
        throw new OvertakenError('the process was stopped for longer than its lease')
      }
    })
  }

  verdict(error: unknown): Verdict {
    return verdictOf(error)
  }

  bury(part: FlushPart<Buffered>, error: unknown): Promise<void> {
    const { office, clock } = this.#options
    return this.#settle(part, [], [deadLetterMark(office, part.writes, error, clock.now())], () => {})
  }

  /** @param check throws where it is too late for this; called while the lease is held, as far as anybody knows */
  async #settle(
    part: FlushPart<Buffered>,
    writes: readonly Write[],
    marks: readonly MarkWrite[],
    check: () => void,
  ): Promise<void> {
    const { tenure, journal, commit } = this.#options
    // As its reads have told, if the clock went back since.
    const notBefore = part.writes.reduce((latest, { at = 0 }) => Math.max(latest, at), 0)
    for (;;) {
      const holding = await tenure.held()
      // It may have waited for the lease of the journal that was begun after that.
      if (part.isLost()) return
      const { owner, lease } = holding
      if (this.#isUncertain && (await this.#isFlushed(owner, part))) return this.#settled(owner, part)
      check()
      const all = [...marks, ...journal.settle(owner, part), this.#note(owner, part)]
      try {
        await commit({ reads: [], decide: () => writes, lease, keepLease: true, notBefore, marks: all }, part.onWritten)
        this.#isUncertain = false
        return this.#settled(owner, part)
      } catch (error) {
        this.#isUncertain = true
        if (!isLeaseLost(error)) throw error
        // Where somebody has recovered the journal, the part is lost, which ends this. Fails where that cannot be found out yet:
        // the next attempt finds out first.
        await tenure.reclaim(holding)
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
  return error instanceof TidemarkError && PASSING.includes(error.code) && !(error instanceof OvertakenError)
    ? 'retry'
    : 'split'
}

function recoveredMeanwhile(): TidemarkError {
  const message =
    'the process was stopped for longer than its lease: the write was journaled, and is committed, perhaps; read it again'
  return new TidemarkError('BUSY', message, { retryable: true })
}
