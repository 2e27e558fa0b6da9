import { type Clock, type Codec, type Entry, type Found, isExpired, type StoreKey } from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import { ENTRY_COLUMNS, type EntryRow, toEntry } from './entry-rows.ts'
import { numberedKeys } from './value-lists.ts'

/** Keys per statement; SQLite allows 32,766 parameters, and a longer statement gains nothing. */
const MAX_KEYS = 1024

/** Led by the key's number in the list; the first row, led by null, holds the head instead. */
type ManyRow = EntryRow<number> | readonly [lead: null, head: number]

export interface EntryReaderOptions {
  readonly codec: Codec
  readonly clock: Clock
  readonly name: string
}

/** Reads entries by key, each answer with the head of the snapshot that it comes from. */
export class EntryReader {
  readonly #connection: Connection
  readonly #options: EntryReaderOptions
  readonly #one: RowStatement<EntryRow<number>>
  /** By number of keys, a power of two. */
  readonly #many = new Map<number, RowStatement<ManyRow>>()

  constructor(connection: Connection, options: EntryReaderOptions) {
    this.#connection = connection
    this.#options = options
    // A join with log_head would answer misses too, and takes twice as long.
    this.#one = connection.prepareRows(
      `SELECT (SELECT seq FROM log_head WHERE id = 1), ${ENTRY_COLUMNS} FROM entry e WHERE e.key = ?`,
    )
  }

  readOne(key: StoreKey): Found {
    let row: EntryRow<number> | undefined
    try {
      row = this.#one.get(key.bytes)
    } catch (error) {
      row = this.#connection.readAgain(error, () => this.#one.get(key.bytes))
    }
    // No row, so no head of that snapshot either: ask again in the form that always has one.
    if (row === undefined) return this.read([key])[0]!
    return this.#found(toEntry(this.#options.codec, key, row), row[0], this.#options.clock.now())
  }

  /** All from one snapshot. */
  read(keys: readonly StoreKey[]): readonly Found[] {
    const entries = Array.from<Entry | undefined>({ length: keys.length })
    const head =
      keys.length <= MAX_KEYS
        ? this.#connection.read(() => this.#readInto(entries, keys, 0))
        : this.#connection.snapshot(() => this.#readAll(entries, keys))
    const now = this.#options.clock.now()
    return entries.map((entry) => this.#found(entry, head, now))
  }

  /** Expired ones too. Within a snapshot. */
  entriesOf(keys: readonly StoreKey[]): readonly (Entry | undefined)[] {
    const entries = Array.from<Entry | undefined>({ length: keys.length })
    this.#readAll(entries, keys)
    return entries
  }

  /** @returns the head */
  #readAll(entries: (Entry | undefined)[], keys: readonly StoreKey[]): number {
    let head = 0
    for (let from = 0; from < keys.length; from += MAX_KEYS) head = this.#readInto(entries, keys, from)
    return head
  }

  /** @returns the head */
  #readInto(entries: (Entry | undefined)[], keys: readonly StoreKey[], from: number): number {
    const count = Math.min(keys.length - from, MAX_KEYS)
    const size = 2 ** Math.ceil(Math.log2(Math.max(count, 1)))
    // A null equals no key, so the statement for the next power of two serves every smaller number.
    const parameters = Array.from<Uint8Array | null>({ length: size }).fill(null)
    for (let i = 0; i < count; i++) parameters[i] = keys[from + i]!.bytes
    let head = 0
    for (const row of this.#statement(size).all(parameters)) {
      if (row[0] === null) head = row[1]
      else {
        const at = from + row[0]
        entries[at] = toEntry(this.#options.codec, keys[at]!, row)
      }
    }
    return head
  }

  #statement(size: number): RowStatement<ManyRow> {
    let statement = this.#many.get(size)
    if (statement === undefined) {
      statement = this.#connection.prepareRows(
        `SELECT NULL, seq, NULL, NULL, NULL, NULL FROM log_head WHERE id = 1
         UNION ALL SELECT k.i, ${ENTRY_COLUMNS} FROM ${numberedKeys(size)} k CROSS JOIN entry e ON e.key = k.key`,
      )
      this.#many.set(size, statement)
    }
    return statement
  }

  #found(entry: Entry | undefined, asOf: number, now: number): Found {
    const { name: tier } = this.#options
    if (entry === undefined || isExpired(entry, now)) return { entry: undefined, asOf, until: Infinity, tier }
    return { entry, asOf, until: entry.expiresAt ?? Infinity, tier }
  }
}
