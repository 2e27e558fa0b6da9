import { type Back, type MarkWrite, Payload, TidemarkError } from '@tidemark/core'
import { deadLetterMark, type DeadLetterOffice } from '../write-behind/dead-letters.ts'
import type { Journal } from '../write-behind/journal.ts'
import { type RecoveredJournal, settleRecovered } from '../write-behind/recovered-journal.ts'
import type { FlushPart } from '../write-behind/target.ts'
import { type Holding, isLeaseLost, type Tenure } from '../write-behind/tenure.ts'
import type { Books, Send } from './connector-lane.ts'
import type { Kept } from './kept-write.ts'

export interface JournalBooksParts {
  readonly back: Pick<Back, 'commit' | 'codec' | 'marks'>
  readonly office: DeadLetterOffice<Kept>
  readonly journal: Journal<Kept>
  readonly tenure: Pick<Tenure, 'held' | 'reclaim' | 'owner'>
  readonly now: () => number
  /** The first row of which another connector is still to get something; Infinity: none is. */
  readonly owedToOthers: (id: string) => number
}

/** What a flush was about to write, by connector. */
type Noted = Readonly<Record<string, readonly [from: number, to: number]>>

/**
 * The journal of a buffer. What a flush is about to write is noted first: after a crash the same writes come again under the same
 * token. A row stays until every connector has it.
 */
export class JournalBooks implements Books {
  readonly #parts: JournalBooksParts
  #owner: string | undefined
  /** The first row that the journal may hold. */
  #floor = 0
  #noted: Noted = {}

  constructor(parts: JournalBooksParts) {
    this.#parts = parts
  }

  async append(row: number, gather: () => readonly Kept[]): Promise<void> {
    const { journal, tenure } = this.#parts
    await this.#held(undefined, async (holding) => {
      await journal.append(holding, row, gather)
      // Whoever has recovered the journal before this was told of the row has found it there.
      if (tenure.owner !== holding.owner) throw recoveredMeanwhile()
    })
  }

  async write(id: string, part: FlushPart<Kept>, send: Send): Promise<void> {
    await this.#held(part, async (holding) => {
      const { owner, lease } = holding
      this.#begin(id, owner, part)
      this.#noted = { ...this.#noted, [id]: [part.from, part.to] }
      // Also tells whether the lease is still held, before anything is done that no transaction can take back.
      await this.#commit(holding, [this.#note(owner)])
      await send(owner, lease.token)
      await this.#settle(id, holding, part, [])
    })
  }

  async bury(id: string, part: FlushPart<Kept>, error: unknown): Promise<void> {
    const { office, now } = this.#parts
    await this.#held(part, (holding) =>
      this.#settle(id, holding, part, [deadLetterMark(office, part.writes, error, now(), id)]),
    )
  }

  async #settle(id: string, holding: Holding, part: FlushPart<Kept>, marks: readonly MarkWrite[]): Promise<void> {
    const { from, to, left } = part
    this.#begin(id, holding.owner, part)
    const owed = this.#parts.owedToOthers(id)
    const isLast = owed > to
    const last = isLast ? to : Math.min(owed, left.length > 0 ? from : to + 1) - 1
    if (left.length === 0) this.#noted = Object.fromEntries(Object.entries(this.#noted).filter(([of]) => of !== id))
    const settling = { from: this.#floor, to: last, left: isLast ? left : [] }
    const rows =
      last < this.#floor && settling.left.length === 0 ? [] : this.#parts.journal.settle(holding.owner, settling)
    await this.#commit(holding, [...marks, ...rows, this.#note(holding.owner)])
    this.#floor = Math.max(this.#floor, settling.left.length > 0 ? last : last + 1)
  }

  #begin(id: string, owner: string, { from }: FlushPart<Kept>): void {
    if (this.#owner === owner) return
    this.#owner = owner
    this.#floor = Math.min(from, this.#parts.owedToOthers(id))
    this.#noted = {}
  }

  #note(owner: string): MarkWrite {
    const { office } = this.#parts
    const lanes = this.#noted
    const isEmpty = Object.keys(lanes).length === 0
    return {
      key: office.keys.flushing(owner),
      value: isEmpty ? undefined : Payload.encode(office.back.codec, { v: 1, lanes }),
    }
  }

  async #commit({ lease }: Holding, marks: readonly MarkWrite[]): Promise<void> {
    await this.#parts.back.commit({ reads: [], decide: () => [], lease, keepLease: true, marks })
  }

  /** @param flush what somebody who has taken the journal over writes */
  async #held(flush: FlushPart<Kept> | undefined, work: (holding: Holding) => Promise<void>): Promise<void> {
    const { tenure } = this.#parts
    for (;;) {
      const holding = await tenure.held()
      // It may have waited for the lease of the journal that was begun after that.
      if (flush?.isLost() === true) return
      try {
        return await work(holding)
      } catch (error) {
        if (!isLeaseLost(error)) throw error
        if ((await tenure.reclaim(holding)) === 'lost' && flush !== undefined) return
      }
    }
  }
}

function recoveredMeanwhile(): TidemarkError {
  const message =
    'the process was stopped for longer than its lease: the write was journaled, and is flushed, perhaps; read it again'
  return new TidemarkError('BUSY', message, { retryable: true })
}

/** Of the journal of a buffer that is gone: it is removed when the last connector has what it holds. */
export function recoveredBooks(
  { back, office, now }: Pick<JournalBooksParts, 'back' | 'office' | 'now'>,
  journal: RecoveredJournal,
): Books {
  const { owner, lease, isLast, isLastLane } = journal
  const settle = async (part: FlushPart<Kept>, marks: readonly MarkWrite[]): Promise<void> => {
    const keepLease = part.left.length > 0 || !isLast
    const all = isLastLane ? [...marks, ...settleRecovered(office, journal, part)] : marks
    await back.commit({ reads: [], decide: () => [], lease, keepLease, marks: all })
  }
  return {
    async write(_id, part, send) {
      await send(owner, lease.token)
      await settle(part, [])
    },
    bury: (id, part, error) => settle(part, [deadLetterMark(office, part.writes, error, now(), id)]),
  }
}
