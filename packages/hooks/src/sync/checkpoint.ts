import { type Codec, CorruptError, Payload, type StoreKey } from '@tidemark/core'
import type { SyncScope } from './sync-scope.ts'

/** The format of what a sync stores. A release that writes another one reads this one too. */
const VERSION = 1

/** A snapshot under way. */
export interface SnapshotProgress {
  /** Every key up to here was copied, encoded; undefined: none was. */
  readonly shownTo: Uint8Array | undefined
  /**
   * What the sync has written up to this version of the target, and does not write again, is gone from the source;
   * undefined: it is the first snapshot, before which there was nothing.
   */
  readonly sweepUpTo: number | undefined
}

/** How far a sync has come. Stored in the target, in the transactions that bring it there. */
export interface Checkpoint {
  /** The log of the source. */
  readonly log: string
  readonly epoch: number
  readonly seq: number
  readonly check: number
  readonly snapshot: SnapshotProgress | undefined
  /** Up to where the target's own log was looked through for deletions. */
  readonly looked: number
  /** undefined: an older release has stored it. */
  readonly scope: SyncScope | undefined
  /** Which beginning of the sync this is: the token of the lease that it was begun under. undefined: as for `scope`. */
  readonly begun: number | undefined
}

export function encodeCheckpoint(codec: Codec, checkpoint: Checkpoint): Payload {
  return Payload.encode(codec, { v: VERSION, ...checkpoint })
}

/** @throws CorruptError */
export function decodeCheckpoint(key: StoreKey, payload: Payload): Checkpoint {
  const record = payload.decode() as Checkpoint & { readonly v?: unknown }
  if (record?.v === VERSION) return { ...record, snapshot: record.snapshot, scope: record.scope, begun: record.begun }
  throw new CorruptError(`the mark ${key.id} is damaged, or a newer release of Tidemark wrote it`, { key: key.id })
}
