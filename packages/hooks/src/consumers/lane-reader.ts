import { afterTurn, type Log, type LogChange } from '@tidemark/core'
import type { RowFilter } from '../change-filter.ts'
import { LogReader } from '../log-reader.ts'
import type { Start } from '../resume.ts'

/** So many pages are read at most to fill one batch, so that few wanted changes among many are not waited for. */
const MAX_PAGES = 16

export interface LaneReaderOptions {
  readonly log: Log
  readonly pageSize: number
  /** Whether a change is one of this lane that its consumer wants. */
  readonly isWanted: RowFilter
}

export interface LaneStep {
  /** Wanted changes, in order. None: there was nothing for this lane. */
  readonly rows: readonly LogChange[]
  /** Everything up to this change is in `rows`, or is not wanted, or came with an earlier step. */
  readonly through: LogChange
}

/**
 * Reads the log for one lane. Each lane reads for itself, as far as it has work in hand, and no further: one that
 * stands still holds nothing up and holds nothing in memory, wherever the others are. Over a shared log, lanes that
 * are near each other read each page once.
 */
export class LaneReader {
  readonly #reader: LogReader
  readonly #isWanted: RowFilter
  /** The wanted changes of the last page; those before `#taken` are taken. */
  #page: readonly LogChange[] = []
  #taken = 0
  /** The last change of that page; undefined once a step has told of it. */
  #end: LogChange | undefined
  #head: number

  constructor({ log, pageSize, isWanted }: LaneReaderOptions, start: Start) {
    this.#reader = new LogReader(log, pageSize, start)
    this.#isWanted = isWanted
    this.#head = start.page.head
  }

  /** Of the log, as the last page told. */
  get head(): number {
    return this.#head
  }

  /** How many changes it holds on to. */
  get held(): number {
    return this.#page.length - this.#taken
  }

  /** Up to `limit` changes; waits at the end of the log. @throws what `LogReader.next` throws; nothing is lost then */
  async next(limit: number, signal: AbortSignal): Promise<LaneStep> {
    const rows: LogChange[] = []
    for (let pages = 0; ; pages++) {
      this.#take(rows, limit)
      // What is not wanted behind the last one that was taken is left to the step that takes the next one.
      if (this.held > 0) return { rows, through: rows.at(-1)! }
      const end = this.#end
      if (end !== undefined && (rows.length === 0 || rows.length === limit || pages > MAX_PAGES || this.#isCaughtUp)) {
        return this.#step(rows, end)
      }
      try {
        await this.#readPage(signal)
      } catch (error) {
        if (end === undefined || rows.length === 0) throw error
        // What is in hand comes first; who asks again meets the error again.
        return this.#step(rows, end)
      }
    }
  }

  get #isCaughtUp(): boolean {
    return this.#reader.position >= this.#head
  }

  #take(rows: LogChange[], limit: number): void {
    const upTo = Math.min(this.#page.length, this.#taken + limit - rows.length)
    while (this.#taken < upTo) rows.push(this.#page[this.#taken++]!)
    if (this.held === 0) {
      this.#page = []
      this.#taken = 0
    }
  }

  #step(rows: readonly LogChange[], through: LogChange): LaneStep {
    this.#end = undefined
    return { rows, through }
  }

  async #readPage(signal: AbortSignal): Promise<void> {
    const { changes, head } = await this.#reader.next(signal)
    this.#head = head
    this.#page = changes.filter(this.#isWanted)
    this.#taken = 0
    this.#end = changes.at(-1)!
    // An embedded log answers without leaving the turn: a long replay would let nothing else run.
    await new Promise<void>(afterTurn)
  }
}
