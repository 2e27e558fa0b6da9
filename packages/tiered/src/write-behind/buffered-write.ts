import type { Found, LogChange, MarkWrite, Payload, SetWrite } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import type { JournalKeys } from './journal-keys.ts'

/** What an entry takes in memory beside its key and value, about. */
const OVERHEAD_BYTES = 200

/** A write of the store that waits to be flushed. */
export interface BufferedWrite extends Dirty {
  readonly write: SetWrite
  /** Wall-clock milliseconds of its acknowledgement, or a little before. The commit is dated no earlier. */
  at: number
  readonly checkpoint?: undefined
}

/** A state of the application that is kept together with what was written before it. */
export interface BufferedCheckpoint extends Dirty {
  readonly write?: undefined
  readonly at?: undefined
  readonly checkpoint: { readonly name: string; readonly state: Payload }
}

export type Buffered = BufferedWrite | BufferedCheckpoint

/** @param call see {@link Dirty.call}; undefined: nothing is written together with it */
export function bufferedWrite(write: SetWrite, at: number, call?: object): BufferedWrite {
  const { key, payload, meta } = write
  // Fails for a key that is too long, here and not for everything that is journaled with it.
  const bytes = OVERHEAD_BYTES + key.bytes.length + payload.byteLength + (meta?.byteLength ?? 0)
  return { id: key.id, bytes, write, at, call }
}

/** No key has such an id: those begin with what their first part is. */
export function checkpointId(name: string): string {
  return `\0checkpoint:${name}`
}

export function bufferedCheckpoint(name: string, state: Payload): BufferedCheckpoint {
  return {
    id: checkpointId(name),
    bytes: OVERHEAD_BYTES + name.length + state.byteLength,
    checkpoint: { name, state },
  }
}

/** The marks that these come to. */
export function checkpointMarks(keys: JournalKeys, writes: readonly Buffered[]): readonly MarkWrite[] {
  const marks: MarkWrite[] = []
  for (const { checkpoint } of writes)
    if (checkpoint !== undefined) marks.push({ key: keys.checkpoint(checkpoint.name), value: checkpoint.state })
  return marks
}

/** What a read finds of it. It has no version yet: that is the flush's to give. */
export function toFound({ write, at: writtenAt }: BufferedWrite, now: number, tier: string): Found {
  const { key, payload, expiresAt, meta } = write
  const isExpired = expiresAt !== undefined && expiresAt <= now
  const entry = isExpired ? undefined : { key, version: 0, payload, writtenAt, expiresAt, meta }
  return { entry, asOf: 0, until: expiresAt ?? Infinity, tier }
}

/** The change that a write will come to, as its caller is told: without a place in the log yet. */
export function toChange({ write, at }: BufferedWrite, origin: string): LogChange {
  const { op, key, path, payload, expiresAt, meta } = write
  // Without a spread: this is made for every write.
  return {
    seq: 0,
    first: 0,
    last: 0,
    op,
    key,
    path,
    prevVersion: 0,
    payload,
    expiresAt,
    meta,
    at,
    origin,
    source: undefined,
  }
}
