import {
  assertInLog,
  type Codec,
  type LogBounds,
  type LogChange,
  type LogPage,
  type LogReadOptions,
  TidemarkError,
} from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import type { KnownIdentity } from './known-identity.ts'
import { LOG_BYTES, LOG_READ, LOG_READ_WITHOUT_VALUES, type LogRow, toChange } from './log-rows.ts'

/** The statements that read one page. */
interface PageStatements {
  readonly page: RowStatement<LogRow>
  /** The rest of a commit that a page would split. */
  readonly rest: RowStatement<LogRow>
}

/**
 * What the changes of a page take at most, with values: of large ones it holds fewer than it was asked for. A change, or a
 * commit, that is larger alone comes as a whole.
 */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** Reads pages of the log, each on one snapshot. */
export class LogReader {
  readonly #connection: Connection
  readonly #codec: Codec
  readonly #identity: KnownIdentity
  readonly #bounds: RowStatement<readonly [head: number, floor: number, epoch: number]>
  readonly #full: PageStatements
  readonly #withoutValues: PageStatements
  readonly #bytes: RowStatement<number>

  constructor(connection: Connection, codec: Codec, identity: KnownIdentity) {
    this.#connection = connection
    this.#codec = codec
    this.#identity = identity
    this.#bounds = connection.prepareRows('SELECT seq, floor, epoch FROM log_head WHERE id = 1')
    this.#full = this.#prepare(LOG_READ)
    this.#withoutValues = this.#prepare(LOG_READ_WITHOUT_VALUES)
    this.#bytes = connection.prepareColumn(`SELECT ifnull(sum(${LOG_BYTES}), 0) FROM log WHERE seq > ? AND seq <= ?`)
  }

  floor(): number {
    return this.#connection.read(() => this.#readBounds()).floor
  }

  /** @throws CompactedError, TidemarkError LOG_AHEAD, LOG_GAP */
  read({ after, limit, values = true }: LogReadOptions): LogPage {
    const statements = values ? this.#full : this.#withoutValues
    const { head, rows } = this.#connection.snapshot(() => this.#rows(statements, after, limit))
    const changes: LogChange[] = []
    for (const row of rows) {
      // Checked although seqs are dense by construction: a follower must never skip a change unnoticed.
      if (row[0] !== after + changes.length + 1) throw gap(after + changes.length, row[0])
      changes.push(toChange(this.#codec, row))
    }
    if (changes.length === 0 && head > after) throw gap(after, head)
    return { changes, head }
  }

  #prepare(columns: string): PageStatements {
    return {
      page: this.#connection.prepareRows(`SELECT ${columns} FROM log WHERE seq > ? ORDER BY seq LIMIT ?`),
      rest: this.#connection.prepareRows(`SELECT ${columns} FROM log WHERE seq > ? AND seq <= ? ORDER BY seq`),
    }
  }

  #readBounds(): LogBounds {
    const [head, floor, epoch] = this.#bounds.get()!
    this.#identity.saw(epoch)
    return { head, floor }
  }

  #rows({ page, rest }: PageStatements, after: number, limit: number): { head: number; rows: readonly LogRow[] } {
    const bounds = this.#readBounds()
    const { head } = bounds
    assertInLog(after, bounds)
    if (after === head) return { head, rows: [] }
    const rows = page.all(after, page === this.#full.page ? this.#fitting(after, limit) : limit)
    const last = rows.at(-1)
    if (last === undefined) return { head, rows }
    const [seq, , position, size] = last
    const end = seq - position + size - 1
    return { head, rows: end > seq ? [...rows, ...rest.all(seq, end)] : rows }
  }

  /** How many changes fit into a page; one at least. */
  #fitting(after: number, limit: number): number {
    let fitting = limit
    while (fitting > 1 && this.#bytes.get(after, after + fitting)! > MAX_PAGE_BYTES) fitting = Math.ceil(fitting / 2)
    return fitting
  }
}

function gap(after: number, next: number): TidemarkError {
  return new TidemarkError(
    'LOG_GAP',
    `the log lacks the changes between ${after} and ${next}: the database is damaged; restore it from a backup`,
  )
}
