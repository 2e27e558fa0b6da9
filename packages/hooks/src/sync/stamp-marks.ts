import { type Codec, type LogChange, type Marks, type MarkWrite, Payload, type StoreKey } from '@tidemark/core'
import type { Stamp } from './stamp.ts'
import { stampKey } from './sync-keys.ts'

/** What is remembered of the last change of a key that came to a store, or was deleted there. */
export interface StampMark {
  readonly stamp: Stamp
  /** The version that the change has in this store; 0: the key was deleted. Another version stands for a later local write. */
  readonly version: number
  /** The sync that brought it; empty: it was made here. */
  readonly via: string
}

function encodeStampMark(codec: Codec, { stamp, version, via }: StampMark): Payload {
  return Payload.encode(codec, [stamp.at, stamp.log, stamp.seq, version, via])
}

export function decodeStampMark(payload: Payload): StampMark {
  const [at, log, seq, version, via] = payload.decode() as [number, string, number, number, string]
  return { stamp: { at, log, seq }, version, via }
}

/** By the id of the key. */
export async function readStampMarks(marks: Marks, keys: readonly StoreKey[]): Promise<ReadonlyMap<string, StampMark>> {
  const found = await marks.read(keys.map(stampKey))
  const known = new Map<string, StampMark>()
  for (const [i, payload] of found.entries())
    if (payload !== undefined) known.set(keys[i]!.id, decodeStampMark(payload))
  return known
}

/** What to remember of keys, whose versions the commit tells. */
export function stampMarkWrites(
  codec: Codec,
  stamps: ReadonlyMap<
    string,
    { readonly key: StoreKey; readonly stamp: Stamp; readonly via: string; readonly version: number | undefined }
  >,
  changes: readonly LogChange[],
): readonly MarkWrite[] {
  const versions = new Map<string, number>()
  for (const { key, op, seq } of changes) versions.set(key.id, op === 'set' ? seq : 0)
  return Array.from(stamps.values(), ({ key, stamp, via, version }) => ({
    key: stampKey(key),
    value: encodeStampMark(codec, { stamp, via, version: version ?? versions.get(key.id) ?? 0 }),
  }))
}
