import type { Codec, Entry, StoreKey } from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import { ENTRY_COLUMNS, type EntryRow, toEntry, toKey } from './entry-rows.ts'
import { numberedKeys } from './value-lists.ts'

/** Keys per statement. Longer ones cost more per key than they save. */
const SIZES: readonly number[] = [128, 16, 1]

export interface ExpiredEntry {
  readonly key: StoreKey
  readonly version: number
}

/** What a write transaction needs to know about the entries that are there. Used inside the transaction only. */
export class WriteSource {
  readonly #codec: Codec
  readonly #versions = new Map<number, RowStatement<readonly [i: number, version: number]>>()
  readonly #entries = new Map<number, RowStatement<EntryRow<number>>>()
  readonly #expired: RowStatement<readonly [key: Uint8Array, version: number]>

  constructor(connection: Connection, codec: Codec) {
    this.#codec = codec
    for (const size of SIZES) {
      const join = `${numberedKeys(size)} k CROSS JOIN entry e ON e.key = k.key`
      const live = '(e.expires_at IS NULL OR e.expires_at > ?)'
      this.#versions.set(size, connection.prepareRows(`SELECT k.i, e.version FROM ${join} WHERE ${live}`))
      this.#entries.set(size, connection.prepareRows(`SELECT k.i, ${ENTRY_COLUMNS} FROM ${join} WHERE ${live}`))
    }
    this.#expired = connection.prepareRows(
      'SELECT key, version FROM entry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?',
    )
  }

  /** The versions of the keys; 0 for what does not exist at `now`. */
  versions(keys: readonly StoreKey[], now: number): number[] {
    const versions = Array.from<number>({ length: keys.length }).fill(0)
    inChunks(keys, now, this.#versions, (row, from) => {
      versions[from + row[0]] = row[1]
    })
    return versions
  }

  /** The entries of the keys; undefined for what does not exist at `now`. */
  entries(keys: readonly StoreKey[], now: number): (Entry | undefined)[] {
    const entries = Array.from<Entry | undefined>({ length: keys.length })
    inChunks(keys, now, this.#entries, (row, from) => {
      const at = from + row[0]
      entries[at] = toEntry(this.#codec, keys[at]!, row)
    })
    return entries
  }

  /** Up to `limit` entries whose time has come, the oldest first. */
  expired(now: number, limit: number): ExpiredEntry[] {
    return this.#expired.all(now, limit).map(([key, version]) => ({ key: toKey(key), version }))
  }
}

function inChunks<Row>(
  keys: readonly StoreKey[],
  now: number,
  statements: ReadonlyMap<number, RowStatement<Row>>,
  take: (row: Row, from: number) => void,
): void {
  let from = 0
  while (from < keys.length) {
    const left = keys.length - from
    // A statement that is padded with nulls serves fewer keys too, and one statement beats several.
    const size = SIZES.findLast((candidate) => candidate >= left) ?? SIZES[0]!
    const parameters = Array.from<Uint8Array | number | null>({ length: size + 1 }).fill(null)
    for (let i = 0; i < size && i < left; i++) parameters[i] = keys[from + i]!.bytes
    parameters[size] = now
    for (const row of statements.get(size)!.all(parameters)) take(row, from)
    from += size
  }
}
