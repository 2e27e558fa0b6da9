import {
  type Codec,
  CorruptError,
  Payload,
  type Place,
  type RenewalPlace,
  type RenewalStep,
  type StoreKey,
} from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import type { Connection, RowStatement } from './connection.ts'
import { plainBytes, toKey } from './entry-rows.ts'

/** Rows are read in pages of so many: the first may be as large as it likes. */
const PAGE = 16
/** A transaction rewrites about so much at most. */
const MAX_BYTES = 4 * 1024 * 1024

type Row = readonly [key: Uint8Array, version: number, value: Uint8Array | null, meta: Uint8Array | null]

/** One table of stored values. */
interface Source {
  readonly page: RowStatement<Row>
  readonly update: Statement
  readonly part: Exclude<Place['part'], 'meta'>
  readonly updateBy: (row: Row) => readonly (Uint8Array | number)[]
  readonly placeAfter: (row: Row) => RenewalPlace
  readonly next: RenewalPlace | undefined
}

/** Stores values anew where they stand, within write transactions. */
export class RenewalTable {
  readonly #codec: Codec
  readonly #sources: Readonly<Record<RenewalPlace['of'], Source>>

  constructor(connection: Connection, codec: Codec) {
    this.#codec = codec
    this.#sources = {
      entries: {
        page: connection.prepareRows('SELECT key, version, value, meta FROM entry WHERE key > ? ORDER BY key LIMIT ?'),
        update: connection.prepare('UPDATE entry SET value = ?, meta = ? WHERE key = ?'),
        part: 'value',
        updateBy: ([key]) => [key],
        placeAfter: ([key]) => ({ of: 'entries', after: key }),
        next: { of: 'changes', after: 0 },
      },
      changes: {
        page: connection.prepareRows('SELECT key, seq, value, meta FROM log WHERE seq > ? ORDER BY seq LIMIT ?'),
        update: connection.prepare('UPDATE log SET value = ?, meta = ? WHERE seq = ?'),
        part: 'value',
        updateBy: ([, seq]) => [seq],
        placeAfter: ([, seq]) => ({ of: 'changes', after: seq }),
        next: { of: 'marks', after: undefined },
      },
      marks: {
        page: connection.prepareRows('SELECT key, 0, value, NULL FROM mark WHERE key > ? ORDER BY key LIMIT ?'),
        update: connection.prepare('UPDATE mark SET value = ? WHERE ? IS NULL AND key = ?'),
        part: 'mark',
        updateBy: ([key]) => [key],
        placeAfter: ([key]) => ({ of: 'marks', after: key }),
        next: undefined,
      },
    }
  }

  /** Within a write transaction. */
  renew(from: RenewalPlace, limit: number): RenewalStep {
    const source = this.#sources[from.of]
    const failed: CorruptError[] = []
    let [looked, renewed, bytes] = [0, 0, 0]
    let place = from
    while (looked < limit && bytes < MAX_BYTES) {
      const size = Math.min(PAGE, limit - looked)
      const rows = source.page.all(place.after ?? new Uint8Array(0), size)
      for (const row of rows) {
        try {
          if (this.#renewRow(source, row)) renewed++
        } catch (error) {
          if (!(error instanceof CorruptError)) throw error
          failed.push(error)
        }
        bytes += (row[2]?.byteLength ?? 0) + (row[3]?.byteLength ?? 0)
        place = source.placeAfter(row)
      }
      looked += rows.length
      if (rows.length < size) return { looked, renewed, failed, next: source.next }
    }
    return { looked, renewed, failed, next: place }
  }

  /** @throws CorruptError that names the key */
  #renewRow(source: Source, row: Row): boolean {
    const key = toKey(row[0])
    const value = this.#renewed(key, row[1], source.part, row[2])
    const meta = this.#renewed(key, row[1], 'meta', row[3])
    if (value === row[2] && meta === row[3]) return false
    source.update.run(value, meta, ...source.updateBy(row))
    return true
  }

  #renewed(key: StoreKey, version: number, part: Place['part'], stored: Uint8Array | null): Uint8Array | null {
    if (stored === null) return null
    try {
      const payload = Payload.fromBytes(this.#codec, plainBytes(stored)).at(key, version, part)
      return payload.renewedBy(this.#codec, { key, version, part })?.bytes ?? stored
    } catch (cause) {
      if (!(cause instanceof CorruptError)) throw cause
      const message = `the ${part} of ${key.id} at version ${version} cannot be read, and stays as it is: ${cause.message}`
      throw new CorruptError(message, { key: key.id, cause })
    }
  }
}
