import {
  type Clock,
  type Codec,
  compareBytes,
  type Entry,
  type KeyPage,
  type KeyRange,
  type ScanOptions,
  type ScanPage,
  type StoreKey,
} from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import type { EntryReader } from './entry-reader.ts'
import { KEY_COLUMNS, type KeyRow, SCAN_COLUMNS, type ScanRow, toKey, toScanned } from './entry-rows.ts'
import { ROW_BYTES } from './large-rows.ts'
import { NO_END } from './no-end.ts'

/**
 * What the entries of a page take at most: of large ones it holds fewer than it was asked for. One that is larger alone is a
 * page of its own.
 */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/** So many rows are no larger, without what is large of them. */
const MAX_ROWS = Math.floor(MAX_PAGE_BYTES / ROW_BYTES)

/** So many rows are read first: they tell how many more a page takes. */
const FIRST_ROWS = 32

/** And so many at most after these, in case they tell it wrong. */
const STEP_ROWS = 512

const LIVE = '(e.expires_at IS NULL OR e.expires_at > ?)'

/** Between the same bounds, in the same direction. */
interface PageStatement {
  readonly keys: RowStatement<KeyRow>
  readonly rows: RowStatement<ScanRow>
}

/** What a page is made of. */
interface Kind<Row> {
  readonly statement: (page: PageStatement) => RowStatement<Row>
  readonly keyOf: (row: Row) => StoreKey
  readonly bytesOf: (row: Row) => number
}

const ROWS: Kind<ScanRow> = {
  statement: ({ rows }) => rows,
  keyOf: (row) => toKey(row[5].subarray(0, row[4])),
  bytesOf: (row) => row[6] ?? row[5].length + (row[3]?.length ?? 0),
}

const KEYS: Kind<KeyRow> = {
  statement: ({ keys }) => keys,
  keyOf: (row) => toKey(row[0]),
  bytesOf: (row) => row[3] ?? row[0].length,
}

interface BoundPage {
  readonly statement: PageStatement
  readonly bounds: readonly [Uint8Array, Uint8Array]
}

export interface ScannerOptions {
  readonly codec: Codec
  readonly clock: Clock
  /** Reads what is large. */
  readonly entries: EntryReader
}

/** Reads entries in key order. */
export class Scanner {
  readonly #connection: Connection
  readonly #options: ScannerOptions
  readonly #head: RowStatement<number>
  readonly #count: RowStatement<number>
  /** By bounds and direction; the bounds decide whether SQLite seeks to the first key of a page. */
  readonly #ascending: PageStatement
  readonly #ascendingAfter: PageStatement
  readonly #descending: PageStatement

  constructor(connection: Connection, options: ScannerOptions) {
    this.#connection = connection
    this.#options = options
    const page = (bounds: string, order: string): PageStatement => {
      const select = (columns: string): string =>
        `SELECT ${columns} FROM entry e WHERE ${bounds} AND ${LIVE} ORDER BY e.key ${order} LIMIT ?`
      return {
        keys: connection.prepareRows(select(KEY_COLUMNS)),
        rows: connection.prepareRows(select(SCAN_COLUMNS)),
      }
    }
    this.#head = connection.prepareColumn('SELECT seq FROM log_head WHERE id = 1')
    this.#count = connection.prepareColumn(`SELECT count(*) FROM entry e WHERE e.key >= ? AND e.key < ? AND ${LIVE}`)
    this.#ascending = page('e.key >= ? AND e.key < ?', 'ASC')
    this.#ascendingAfter = page('e.key > ? AND e.key < ?', 'ASC')
    this.#descending = page('e.key >= ? AND e.key < ?', 'DESC')
  }

  /** One page, from one snapshot. What is large is read by its keys. */
  page(range: KeyRange, options: ScanOptions): ScanPage {
    return this.#connection.snapshot(() => {
      const { rows, isLast } = this.#rows(ROWS, range, options)
      const entries = rows.map((row): Entry => toScanned(this.#options.codec, row))
      this.#readLarge(entries, rows)
      return { entries, isLast, asOf: this.#head.get()! }
    })
  }

  /** As {@link page}: its keys alone. What is large is not read. */
  keyPage(range: KeyRange, options: ScanOptions): KeyPage {
    return this.#connection.snapshot(() => {
      const { rows, isLast } = this.#rows(KEYS, range, options)
      const keys = rows.map(([key, version, writtenAt]) => ({ key: toKey(key), version, writtenAt }))
      return { keys, isLast, asOf: this.#head.get()! }
    })
  }

  /** From one snapshot; takes time in proportion to the range. */
  count({ start, end = NO_END }: KeyRange): number {
    return this.#connection.read(() => this.#count.get(start, end, this.#options.clock.now()))!
  }

  /** Of a page: one at least. Within a snapshot. */
  #rows<Row>(kind: Kind<Row>, range: KeyRange, options: ScanOptions): { rows: readonly Row[]; isLast: boolean } {
    const now = this.#options.clock.now()
    const limit = Math.min(options.limit, MAX_ROWS)
    const rows: Row[] = []
    let { after } = options
    let room = MAX_PAGE_BYTES
    for (let step = FIRST_ROWS; ;) {
      const { statement, bounds } = this.#boundsOf(range, { ...options, after })
      const wanted = Math.min(step, limit - rows.length)
      const found = kind.statement(statement).all(...bounds, now, wanted)
      for (const row of found) {
        room -= kind.bytesOf(row)
        if (room < 0 && rows.length > 0) return { rows, isLast: false }
        rows.push(row)
      }
      if (found.length < wanted || rows.length === limit) return { rows, isLast: found.length < wanted }
      const mean = (MAX_PAGE_BYTES - room) / rows.length
      step = Math.min(STEP_ROWS, Math.ceil(room / mean) + 1)
      after = kind.keyOf(found.at(-1)!)
    }
  }

  /** Puts whole entries in the place of those whose rows lack something. */
  #readLarge(entries: Entry[], rows: readonly ScanRow[]): void {
    const places = [...entries.keys()].filter((i) => rows[i]![6] !== null)
    if (places.length === 0) return
    const found = this.#options.entries.entriesOf(places.map((i) => entries[i]!.key))
    // A row that is not found by its key is one of a damaged file: without its value it is the entry that cannot be read.
    for (const [n, i] of places.entries()) entries[i] = found[n] ?? entries[i]!
  }

  #boundsOf({ start, end = NO_END }: KeyRange, { after, reverse }: ScanOptions): BoundPage {
    // Bounds from outside the range must not widen it.
    if (reverse) return { statement: this.#descending, bounds: [start, after === undefined ? end : lesser(after, end)] }
    if (after === undefined || !isAtLeast(after, start)) return { statement: this.#ascending, bounds: [start, end] }
    return { statement: this.#ascendingAfter, bounds: [after.bytes, end] }
  }
}

function isAtLeast(key: StoreKey, bound: Uint8Array): boolean {
  return compareBytes(key.bytes, bound) >= 0
}

function lesser(key: StoreKey, bound: Uint8Array): Uint8Array {
  return compareBytes(key.bytes, bound) < 0 ? key.bytes : bound
}
