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

/** What the bundle carries of a write, in this order. */
type Field = 'args' | 'value'

type Row = readonly [version: number, ...(readonly [key: Uint8Array | null, ...Field[]])[]]

/**
 * Rows of the journal: bundles whose own value is `[version, [key, what is carried of it …] …]` by the codec, where a key of
 * null is a checkpoint, and which carry arguments and values.
 */
export function keptFormat(codec: Codec): RowFormat<Kept> {
  return {
    encode(writes) {
      const row: Row = [
        VERSION,
        ...writes.map((write) => [keyIn(write), ...fieldsOf(write).map(([field]) => field)] as const),
      ]
      const carried = writes.flatMap((write) => fieldsOf(write).map(([, payload]) => payload.envelope))
      // Bound as a part of the mark or row that it is stored in.
      return Payload.bundle(codec, row, carried).envelope
    },
    decode(bytes) {
      const bundle = Payload.fromEnvelope(codec, bytes)
      const row = bundle.decode()
      if (!Array.isArray(row) || row[0] !== VERSION)
        throw new CorruptError('a row of a buffer’s journal is of a newer release, or damaged')
      const [, ...writes] = row as unknown as Row
      const carried = bundle.carried.values()
      return writes.map(([key, ...fields]) => {
        const payloads: { readonly [F in Field]?: Payload } = Object.fromEntries(
          // A copy: what is read is kept, the row is not.
          fields.map((field) => [field, Payload.fromEnvelope(codec, next(carried).slice())]),
        )
        if (key === null) return keptCheckpoint(payloads.value!)
        return keptWrite(StoreKey.fromBytes(key), payloads.args, payloads.value)
      })
    },
  }
}

function next(carried: Iterator<Uint8Array>): Uint8Array {
  const { value, done } = carried.next()
  if (done === true) throw new CorruptError('a row of a buffer’s journal is truncated')
  return value
}

function keyIn(write: Kept): Uint8Array | null {
  return write.checkpoint === undefined ? write.key.bytes : null
}

function fieldsOf(write: Kept): readonly (readonly [field: Field, payload: Payload])[] {
  if (write.checkpoint !== undefined) return [['value', write.checkpoint]]
  const { args, payload } = write
  return [
    ...(args === undefined ? [] : [['args', args] as const]),
    ...(payload === undefined ? [] : [['value', payload] as const]),
  ]
}
