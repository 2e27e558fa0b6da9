import { type Codec, type Entry, Payload, StoreKey } from '@tidemark/core'
import { ROW_BYTES } from './large-rows.ts'

/** Of an entry whose row has neither, as schema.ts says. Where that is missing, it reads as what the row has: a value of no bytes. */
const large = (column: 'value' | 'meta'): string =>
  `(SELECT l.${column} FROM large_value l WHERE l.version = e.version)`

const VALUE = `CASE WHEN length(e.value) > 0 THEN e.value ELSE ifnull(${large('value')}, e.value) END`
const META = `CASE WHEN length(e.value) > 0 THEN e.meta ELSE ${large('meta')} END`

/** Wherever they are. */
export const ENTRY_VALUES: string = `${VALUE}, ${META}`

/** How large these are, which SQLite knows without reading the pages that they lie on. */
export const ENTRY_BYTES: string = `ifnull(
  (SELECT length(l.value) + ifnull(length(l.meta), 0) FROM large_value l WHERE l.version = e.version AND length(e.value) = 0),
  length(e.value) + ifnull(length(e.meta), 0))`

/** The columns of an entry besides its key. */
export const ENTRY_COLUMNS: string = `e.version, ${VALUE}, e.written_at, e.expires_at, ${META}`

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

/** What lies apart and is no larger comes with a scanned row: to read it by its key would take longer than to read it. */
const NEAR_BYTES = 8 * 1024

/** Of an entry whose value and meta lie apart. */
const near = (column: 'value' | 'meta'): string =>
  `(SELECT l.${column} FROM large_value l WHERE l.version = e.version AND length(l.value) + ifnull(length(l.meta), 0) <= ${NEAR_BYTES})`

const IN_ROW = `length(e.value) BETWEEN 1 AND ${ROW_BYTES} AND (e.meta IS NULL OR length(e.meta) <= ${ROW_BYTES})`

/** How large an entry is of which not all is in the row, or is more than its page holds; of any other null. */
const LARGE_BYTES = `CASE WHEN ${IN_ROW} THEN NULL ELSE ${ENTRY_BYTES} + length(e.key) END`

/** As {@link LARGE_BYTES}, of what does not come with a scanned row. */
const FAR_BYTES = `CASE WHEN ${IN_ROW} OR (length(e.value) = 0 AND ${ENTRY_BYTES} <= ${NEAR_BYTES}) THEN NULL
  ELSE ${ENTRY_BYTES} + length(e.key) END`

/**
 * Key and value as one: each blob costs the driver as much as all other columns together. What is large is left where it is, also
 * in the rows of files from before there was a table for it.
 */
export const SCAN_COLUMNS: string = `e.version, e.written_at, e.expires_at,
  CASE WHEN length(e.value) = 0 THEN ${near('meta')} WHEN length(e.meta) <= ${ROW_BYTES} THEN e.meta END, length(e.key),
  CAST(CASE WHEN length(e.value) BETWEEN 1 AND ${ROW_BYTES} THEN e.key || e.value
    WHEN length(e.value) = 0 THEN e.key || ifnull(${near('value')}, e.value) ELSE e.key END AS BLOB), ${FAR_BYTES}`

/** What stands before the value in a row. */
export const KEY_COLUMNS: string = `e.key, e.version, e.written_at, ${LARGE_BYTES}`

/** As {@link KEY_COLUMNS} says. */
export type KeyRow = readonly [key: Uint8Array, version: number, writtenAt: number, largeBytes: number | null]

/** As {@link SCAN_COLUMNS} says. */
export type ScanRow = readonly [
  version: number,
  writtenAt: number,
  expiresAt: number | null,
  meta: Uint8Array | null,
  /** Where in the last column the value begins. */
  keyLength: number,
  keyAndValue: Uint8Array,
  /** Not null: neither its value nor its meta is here. */
  largeBytes: number | null,
]

/** Of a row that has all of it. */
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
