import { type Codec, CorruptError, Payload, StoreKey } from '@tidemark/core'
import type { Dirty } from '../write-behind/batch.ts'
import type { RowFormat } from '../write-behind/journal.ts'

/** What a value takes in memory beside its bytes, about. */
const OVERHEAD_BYTES = 200

/** A write that waits to be flushed to connectors. */
export interface KeptWrite extends Dirty {
  readonly key: StoreKey
  /** undefined: the key itself. */
  readonly args: Payload | undefined
  /** undefined: the key is deleted. */
  readonly payload: Payload | undefined
  readonly checkpoint?: undefined
}

/** A state of the application that waits to be flushed together with them. */
export interface KeptCheckpoint extends Dirty {
  readonly key?: undefined
  readonly checkpoint: Payload
}

export type Kept = KeptWrite | KeptCheckpoint

/** No key has such an id. */
export const CHECKPOINT_ID = '\0checkpoint'

export function keptWrite(key: StoreKey, args: Payload | undefined, payload: Payload | undefined): KeptWrite {
  const bytes = OVERHEAD_BYTES + key.bytes.length + (args?.byteLength ?? 0) + (payload?.byteLength ?? 0)
  return { id: key.id, bytes, key, args, payload }
}

export function keptCheckpoint(checkpoint: Payload): KeptCheckpoint {
  return { id: CHECKPOINT_ID, bytes: OVERHEAD_BYTES + checkpoint.byteLength, checkpoint }
}

/** The version of a row. A release that writes another one reads this one too. */
const VERSION = 1

type Row = readonly [version: number, ...(readonly (Uint8Array | null)[])[]]

/** Rows of the journal: `[version, [key, arguments, value] …]` by the codec, where a key of null is a checkpoint. */
export function keptFormat(codec: Codec): RowFormat<Kept> {
  const payloadOf = (bytes: Uint8Array | null): Payload | undefined =>
    bytes === null ? undefined : Payload.fromEnvelope(codec, bytes)
  return {
    encode(writes) {
      const row: Row = [VERSION, ...writes.map(toFields)]
      // Bound as a part of the mark or row that it is stored in, and anew when keys change.
      return Payload.encode(codec, row).envelope
    },
    decode(bytes) {
      const [version, ...writes] = Payload.fromEnvelope(codec, bytes).decode() as Row
      if (version !== VERSION) throw new CorruptError('a row of a buffer’s journal is of a newer release, or damaged')
      return writes.map(([key, args, value]) => {
        if (key === null) return keptCheckpoint(payloadOf(value!)!)
        return keptWrite(StoreKey.fromBytes(key!), payloadOf(args!), payloadOf(value!))
      })
    },
  }
}

function toFields(write: Kept): readonly (Uint8Array | null)[] {
  if (write.checkpoint !== undefined) return [null, null, write.checkpoint.envelope]
  return [write.key.bytes, write.args?.envelope ?? null, write.payload?.envelope ?? null]
}
