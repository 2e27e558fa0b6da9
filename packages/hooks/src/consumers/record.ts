import { type Codec, CorruptError, Payload, type StoreKey } from '@tidemark/core'

/** The format of what consumers store. A release that writes another one reads this one too. */
const VERSION = 1

/** @param carried envelopes of what belongs to it */
export function encodeRecord(codec: Codec, record: object, carried: readonly Uint8Array[] = []): Payload {
  const stored = { v: VERSION, ...record }
  return carried.length === 0 ? Payload.encode(codec, stored) : Payload.bundle(codec, stored, carried)
}

/** @throws CorruptError */
export function decodeRecord<T extends object>(key: StoreKey, payload: Payload): T {
  const record = payload.decode() as T & { readonly v?: unknown }
  if (record?.v === VERSION) return record
  throw new CorruptError(`the mark ${key.id} is damaged, or a newer release of Tidemark wrote it`, { key: key.id })
}
