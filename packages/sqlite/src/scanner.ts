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
import { ENTRY_BYTES, KEY_COLUMNS, type KeyRow, SCAN_COLUMNS, type ScanRow, toKey, toScanned } from './entry-rows.ts'
import { NO_END } from './no-end.ts'

/**
 * What the entries of a page take at most: of large ones it holds fewer than it was asked for. One that is larger alone is a
 * page of its own.
 */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

const LIVE = '(e.expires_at IS NULL OR e.expires_at > ?)'

/** Between the same bounds, in the same direction. */
interface PageStatement {
  readonly keys: RowStatement<KeyRow>
  readonly rows: RowStatement<ScanRow>
  readonly bytes: RowStatement<number>
}

interface BoundPage {
  readonly statement: PageStatement
  readonly bounds: readonly [Uint8Array, Uint8Array]
}

export interface ScannerOptions {
  readonly codec: Codec
  readonly clock: Clock
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
        bytes: connection.prepareColumn(`SELECT ifnull(sum(bytes), 0) FROM (${select(`${ENTRY_BYTES} AS bytes`)})`),
      }
    }
    this.#head = connection.prepareColumn('SELECT seq FROM log_head WHERE id = 1')
    this.#count = connection.prepareColumn(`SELECT count(*) FROM entry e WHERE e.key >= ? AND e.key < ? AND ${LIVE}`)
    this.#ascending = page('e.key >= ? AND e.key < ?', 'ASC')
    this.#ascendingAfter = page('e.key > ? AND e.key < ?', 'ASC')
    this.#descending = page('e.key >= ? AND e.key < ?', 'DESC')
  }

  /** One page, from one snapshot. */
  page(range: KeyRange, options: ScanOptions): ScanPage {
    const now = this.#options.clock.now()
    const { statement, bounds } = this.#boundsOf(range, options)
    return this.#connection.snapshot(() => {
      const size = sizeOf(statement, [...bounds, now], options.limit)
      const rows = statement.rows.all(...bounds, now, size)
      const entries = rows.map((row): Entry => toScanned(this.#options.codec, row))
      return { entries, isLast: rows.length < size, asOf: this.#head.get()! }
    })
  }

  /** As {@link page}: its keys alone. What large values lie on is not read. */
  keyPage(range: KeyRange, options: ScanOptions): KeyPage {
    const now = this.#options.clock.now()
    const { statement, bounds } = this.#boundsOf(range, options)
    return this.#connection.snapshot(() => {
      const size = sizeOf(statement, [...bounds, now], options.limit)
      const rows = statement.keys.all(...bounds, now, size)
      const keys = rows.map(([key, version, writtenAt]) => ({ key: toKey(key), version, writtenAt }))
      return { keys, isLast: rows.length < size, asOf: this.#head.get()! }
    })
  }

  /** From one snapshot; takes time in proportion to the range. */
  count({ start, end = NO_END }: KeyRange): number {
    return this.#connection.read(() => this.#count.get(start, end, this.#options.clock.now()))!
  }

  #boundsOf({ start, end = NO_END }: KeyRange, { after, reverse }: ScanOptions): BoundPage {
    // Bounds from outside the range must not widen it.
    if (reverse) return { statement: this.#descending, bounds: [start, after === undefined ? end : lesser(after, end)] }
    if (after === undefined || !isAtLeast(after, start)) return { statement: this.#ascending, bounds: [start, end] }
    return { statement: this.#ascendingAfter, bounds: [after.bytes, end] }
  }
}

/** How many entries make a page: one at least. */
function sizeOf({ bytes }: PageStatement, bounds: readonly unknown[], limit: number): number {
  let size = limit
  while (size > 1 && bytes.get(...bounds, size)! > MAX_PAGE_BYTES) size = Math.ceil(size / 2)
  return size
}

function isAtLeast(key: StoreKey, bound: Uint8Array): boolean {
  return compareBytes(key.bytes, bound) >= 0
}

function lesser(key: StoreKey, bound: Uint8Array): Uint8Array {
  return compareBytes(key.bytes, bound) < 0 ? key.bytes : bound
}
