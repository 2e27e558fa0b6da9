import {
  type Codec,
  CorruptError,
  Payload,
  type Place,
  type RenewalPlace,
  type RenewalStep,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import type { Connection, RowStatement } from './connection.ts'
import { ENTRY_BYTES, ENTRY_VALUES, plainBytes, toKey } from './entry-rows.ts'
import { INSERT_LARGE, isLargeRow } from './large-rows.ts'

/** Rows are read in pages of so many. */
const PAGE = 16
/** A transaction rewrites about so much at most, and one row at least, as large as it may be. */
const MAX_BYTES = 4 * 1024 * 1024

/** As schema.ts says, of an entry whose row lacks value and meta. */
const NOTHING = new Uint8Array(0)

const SIZE = 'coalesce(length(value), 0) + coalesce(length(meta), 0)'

type Row = readonly [
  key: Uint8Array,
  version: number,
  value: Uint8Array | null,
  meta: Uint8Array | null,
  /** Of entries: whether value and meta are in the row itself. */
  isInRow?: 0 | 1,
]

/** One table of stored values. */
interface Source {
  /** How large the rows of a page are, which SQLite knows without reading them. */
  readonly sizes: RowStatement<number>
  readonly page: RowStatement<Row>
  readonly update: (row: Row, value: Uint8Array | null, meta: Uint8Array | null) => void
  readonly part: Exclude<Place['part'], 'meta'>
  readonly placeAfter: (row: Row) => RenewalPlace
  readonly next: RenewalPlace | undefined
}

/** Stores values anew where they stand, within write transactions. */
export class RenewalTable {
  readonly #codec: Codec
  readonly #updateRow: Statement
  readonly #insertLarge: Statement
  readonly #removeLarge: Statement
  readonly #sources: Readonly<Record<RenewalPlace['of'], Source>>

  constructor(connection: Connection, codec: Codec) {
    this.#codec = codec
    this.#updateRow = connection.prepare('UPDATE entry SET value = ?, meta = ? WHERE key = ?')
    this.#insertLarge = connection.prepare(`${INSERT_LARGE} (?, ?, ?)`)
    this.#removeLarge = connection.prepare('DELETE FROM large_value WHERE version = ?')
    const updateChange = connection.prepare('UPDATE log SET value = ?, meta = ? WHERE seq = ?')
    const updateMark = connection.prepare('UPDATE mark SET value = ? WHERE key = ?')
    this.#sources = {
      entries: {
        sizes: connection.prepareColumn(`SELECT ${ENTRY_BYTES} FROM entry e WHERE e.key > ? ORDER BY e.key LIMIT ?`),
        page: connection.prepareRows(
          `SELECT e.key, e.version, ${ENTRY_VALUES}, length(e.value) > 0 FROM entry e
           WHERE e.key > ? ORDER BY e.key LIMIT ?`,
        ),
        update: (row, value, meta) => this.#updateEntry(row, value!, meta),
        part: 'value',
        placeAfter: ([key]) => ({ of: 'entries', after: key }),
        next: { of: 'changes', after: 0 },
      },
      changes: {
        sizes: connection.prepareColumn(`SELECT ${SIZE} FROM log WHERE seq > ? ORDER BY seq LIMIT ?`),
        page: connection.prepareRows('SELECT key, seq, value, meta FROM log WHERE seq > ? ORDER BY seq LIMIT ?'),
        update: ([, seq], value, meta) => updateChange.run(value, meta, seq),
        part: 'value',
        placeAfter: ([, seq]) => ({ of: 'changes', after: seq }),
        next: { of: 'marks', after: undefined },
      },
      marks: {
        sizes: connection.prepareColumn('SELECT length(value) FROM mark WHERE key > ? ORDER BY key LIMIT ?'),
        page: connection.prepareRows('SELECT key, 0, value, NULL FROM mark WHERE key > ? ORDER BY key LIMIT ?'),
        update: ([key], value) => updateMark.run(value, key),
        part: 'mark',
        placeAfter: ([key]) => ({ of: 'marks', after: key }),
        next: undefined,
      },
    }
  }

  /** Within a write transaction. */
  renew(from: RenewalPlace, limit: number): RenewalStep {
    const source = this.#sources[from.of]
    const failed: TidemarkError[] = []
    let [looked, renewed, bytes] = [0, 0, 0]
    let place = from
    while (looked < limit) {
      const after = place.after ?? new Uint8Array(0)
      const sizes = source.sizes.all(after, Math.min(PAGE, limit - looked))
      if (sizes.length === 0) return { looked, renewed, failed, next: source.next }
      const fitting = fittingIn(MAX_BYTES - bytes, sizes)
      // The first one of all may be as large as it likes.
      const rows = fitting.count === 0 && looked > 0 ? [] : source.page.all(after, Math.max(fitting.count, 1))
      for (const row of rows) {
        try {
          if (this.#renewRow(source, row)) renewed++
        } catch (error) {
          if (!isLeft(error)) throw error
          failed.push(error)
        }
        place = source.placeAfter(row)
      }
      looked += rows.length
      bytes += fitting.bytes
      if (rows.length < sizes.length) break
    }
    return { looked, renewed, failed, next: place }
  }

  /** @throws as {@link isLeft} says, with the key */
  #renewRow(source: Source, row: Row): boolean {
    const key = toKey(row[0])
    const value = this.#renewed(key, row[1], source.part, row[2])
    const meta = this.#renewed(key, row[1], 'meta', row[3])
    if (value === row[2] && meta === row[3] && !isTooLarge(row)) return false
    source.update(row, value, meta)
    return true
  }

  /** Where a write would store it now: rows of files from before there was a table for what is large move there. */
  #updateEntry([key, version, , , isInRow]: Row, value: Uint8Array, meta: Uint8Array | null): void {
    if (isLargeRow(key.length, value.length, meta?.length ?? 0)) {
      this.#insertLarge.run(version, meta, value)
      if (isInRow === 1) this.#updateRow.run(NOTHING, null, key)
    } else {
      this.#updateRow.run(value, meta, key)
      if (isInRow === 0) this.#removeLarge.run(version)
    }
  }

  #renewed(key: StoreKey, version: number, part: Place['part'], stored: Uint8Array | null): Uint8Array | null {
    if (stored === null) return null
    try {
      const payload = Payload.fromBytes(this.#codec, plainBytes(stored)).at(key, version, part)
      return payload.renewedBy(this.#codec, { key, version, part })?.bytes ?? stored
    } catch (cause) {
      if (!isLeft(cause)) throw cause
      const what = `the ${part} of ${key.id} at version ${version}`
      const details = { key: key.id, cause }
      if (cause instanceof CorruptError)
        throw new CorruptError(`${what} cannot be read, and stays as it is: ${cause.message}`, details)
      throw new TidemarkError('UNENCODABLE', `${what} cannot be written, and stays as it is: ${cause.message}`, details)
    }
  }
}

/** Whether it is about a value, which stays as it is, and keeps no other back. */
function isLeft(error: unknown): error is TidemarkError {
  return error instanceof CorruptError || (error instanceof TidemarkError && error.code === 'UNENCODABLE')
}

/** Of a row of entries: whether it has what belongs into the table for what is large. */
function isTooLarge([key, , value, meta, isInRow]: Row): boolean {
  return isInRow === 1 && isLargeRow(key.length, value!.length, meta?.length ?? 0)
}

function fittingIn(room: number, sizes: readonly number[]): { readonly count: number; readonly bytes: number } {
  let [count, bytes] = [0, 0]
  for (const size of sizes) {
    if (bytes + size > room) break
    count++
    bytes += size
  }
  return { count, bytes }
}
