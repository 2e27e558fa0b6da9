import type { StoreKey } from '../keys/store-key.ts'
import type { Found } from './entry.ts'
import type { LogChange } from './log.ts'

/** `install`: hold the new value. `invalidate`: only make sure that no older value is served. */
export type ApplyMode = 'install' | 'invalidate'

/**
 * What a front did with one change or fill.
 * `installed`: it holds the value now · `removed`: it holds nothing for the key · `newer`: it holds something newer and
 * kept it · `fenced`: a fill was refused because something newer may have been executed since its snapshot.
 */
export type FrontOutcome = 'installed' | 'removed' | 'newer' | 'fenced'

/** What a reader fetched from a tier below and offers to a front. Never an event. */
export interface Fill {
  readonly key: StoreKey
  readonly found: Found
  /**
   * A seq such that `found` reflects every change of the key up to it: the snapshot's head for an answer of the back
   * tier; for an answer of another front, the position that the filling process had followed the log to before it read.
   */
  readonly asOf: number
}

/** A step along the log: every change of `from < seq <= to`. */
export interface TailStep {
  readonly from: number
  readonly to: number
  readonly changes: readonly LogChange[]
}

/**
 * A cache above the back tier. It may lose anything at any time, and must never serve for a key what an executed
 * change replaced (the fence; see coherence).
 *
 * Every call is bounded in time. A call that fails may have been executed or not; calls are idempotent and ordered by
 * version, so repeating or dropping one is always safe.
 * @throws TidemarkError FRONT_UNAVAILABLE or TIMEOUT from any method that reaches a server.
 */
export interface Front {
  readonly name: string
  /** undefined: this front does not know. Expired records count as not known. */
  read(keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]>
  /** Changes that were just committed, in seq order; outcomes in the same order. */
  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]>
  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]>
  /** Drops every record, as one step, without opening a door for older values. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** A front that lives in the process and answers at once. It is kept coherent by following the log. */
export interface NearFront extends Front {
  /** The record for the key, if it is held and not expired. Never waits, never checks the log. */
  peek(id: string): Found | undefined
  /** As {@link Front.apply}, at once. */
  applyNow(changes: readonly LogChange[], mode: ApplyMode): void
  /** As {@link Front.fill}, at once. */
  fillNow(fill: Fill): FrontOutcome
  /** Lets go of what it holds under these ids, as if it had lost that: always safe. The fences stay as they are. */
  discardNow(ids: readonly string[]): void
  /** Takes a step along the log. A step that does not start at the watermark is ignored. @returns the watermark afterwards. */
  tail(step: TailStep): number
  /** Every change up to this seq has been applied here. */
  readonly watermark: number
  /** No change of the key later than this was executed here. */
  fenceOf(id: string): number
  /** Forgets everything and starts to follow at `seq`. */
  restart(seq: number): void
}
