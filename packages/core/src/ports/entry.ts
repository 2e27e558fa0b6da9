import type { Payload } from '../codec/payload.ts'
import type { StoreKey } from '../keys/store-key.ts'

/** What a tier holds for one key. Immutable: every tier and reader may share it. */
export interface Entry {
  readonly key: StoreKey
  /** The seq of the change that wrote it; 0: it is acknowledged, and not committed yet. */
  readonly version: number
  readonly payload: Payload
  /** Wall-clock milliseconds of the commit; never decreases from one version to the next. */
  readonly writtenAt: number
  /** Wall-clock milliseconds from which the entry no longer exists; undefined: never. */
  readonly expiresAt: number | undefined
  /** What the writer attached, as its own sealed value. */
  readonly meta: Payload | undefined
}

/** The answer of one tier to a read of one key. */
export interface Found {
  /** undefined: the key does not exist, and this tier knows that. */
  readonly entry: Entry | undefined
  /**
   * The newest seq that this answer is known to include. From a back tier: the head of the snapshot. From a front: the
   * version of the record, or, for a negative record, the head of the snapshot that missed; later, where there is proof that
   * nothing has replaced it since. The version of a missing key is this number.
   */
  readonly asOf: number
  /** Wall-clock milliseconds after which no tier above may keep the answer; Infinity: no bound. */
  readonly until: number
  /** The name of the tier that answered. */
  readonly tier: string
}

/** Of a value, the seq that wrote it; of the knowledge that there is none, the head of the snapshot that missed it. */
export function versionOf({ entry, asOf }: Found): number {
  return entry?.version ?? asOf
}

/** An answer that ended before it was given is none: the fronts were asked, and no one holds it. */
export function isAnswer({ until }: Found): boolean {
  return until > 0
}

/** Whether an entry has ceased to exist at `now`. */
export function isExpired(entry: Pick<Entry, 'expiresAt'>, now: number): boolean {
  return entry.expiresAt !== undefined && entry.expiresAt <= now
}
