import { type Codec, type Entry, Payload, StoreKey } from '@tidemark/core'

/** The columns of an entry besides its key. */
export const ENTRY_COLUMNS = 'e.version, e.value, e.written_at, e.expires_at, e.meta'

/** What a statement calls the entry by (its key, its number in a list, the head of the log), then {@link ENTRY_COLUMNS}. */
export type EntryRow<Lead> = readonly [
  lead: Lead,
  version: number,
  value: Uint8Array,
  writtenAt: number,
  expiresAt: number | null,
  meta: Uint8Array | null,
]

export function toEntry(codec: Codec, key: StoreKey, row: EntryRow<unknown>): Entry {
  return {
    key,
    version: row[1],
    payload: Payload.fromBytes(codec, plainBytes(row[2])).at(key, row[1]),
    writtenAt: row[3],
    expiresAt: row[4] ?? undefined,
    meta: toPayload(codec, row[5])?.at(key, row[1], 'meta'),
  }
}

/** Key and value as one: each blob costs the driver as much as all other columns together. */
export const SCAN_COLUMNS =
  'e.version, e.written_at, e.expires_at, e.meta, length(e.key), CAST(e.key || e.value AS BLOB)'

/** They stand before the value in a row, which may go on on other pages. */
export const KEY_COLUMNS = 'e.key, e.version, e.written_at'

/** As {@link KEY_COLUMNS} says. */
export type KeyRow = readonly [key: Uint8Array, version: number, writtenAt: number]

/** What of an entry may be large, in bytes: SQLite knows it without reading the pages that it lies on. */
export const ENTRY_BYTES = 'length(e.key) + length(e.value) + ifnull(length(e.meta), 0)'

/** As {@link SCAN_COLUMNS} says. */
export type ScanRow = readonly [
  version: number,
  writtenAt: number,
  expiresAt: number | null,
  meta: Uint8Array | null,
  /** Where in the last column the value begins. */
  keyLength: number,
  keyAndValue: Uint8Array,
]

export function toScanned(codec: Codec, row: ScanRow): Entry {
  const [version, writtenAt, expiresAt, meta, keyLength, keyAndValue] = row
  const key = toKey(keyAndValue.subarray(0, keyLength))
  return {
    key,
    version,
    payload: Payload.fromBytes(codec, plainBytes(keyAndValue), keyLength).at(key, version),
    writtenAt,
    expiresAt: expiresAt ?? undefined,
    meta: toPayload(codec, meta)?.at(key, version, 'meta'),
  }
}

/** Without its place. */
export function toPayload(codec: Codec, bytes: Uint8Array | null): Payload | undefined {
  return bytes === null ? undefined : Payload.fromBytes(codec, plainBytes(bytes))
}

export function toKey(bytes: Uint8Array): StoreKey {
  return StoreKey.fromBytes(plainBytes(bytes))
}

/** The same memory without the Buffer around it, whose methods differ (`slice` shares memory with the original). */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
}
