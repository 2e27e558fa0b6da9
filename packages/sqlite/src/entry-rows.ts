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
