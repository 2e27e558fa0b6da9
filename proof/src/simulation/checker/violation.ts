import type { HistoryEvent } from '../history.ts'

/** The invariants of the design, one by one. */
export type Invariant =
  | 'durability'
  | 'integrity'
  | 'stale-beyond-bound'
  | 'stale-on-arrival'
  | 'stale-after-ack'
  | 'read-your-writes'
  | 'monotonic-reads'
  | 'min-version'
  | 'one-moment'
  | 'lost-update'
  | 'log-order'
  | 'convergence'
  | 'availability'
  | 'load-overtaken'
  | 'load-alone'
  | 'load-takeover'
  | 'load-error'

export interface Violation {
  readonly invariant: Invariant
  readonly what: string
  /** Where it showed; undefined: at the end. */
  readonly event: HistoryEvent | undefined
}
