import type { FrontSession } from '@tidemark/core'

/**
 * The proof that a shared front was not behind: every change up to `includes` had been executed there when it was
 * looked at, and `includes` was the head of the log Δ before `validUntil`; less than Δ where that was agreed on then. A
 * read that begins and ends while it is valid, in its session, misses no change that was committed more than Δ ago,
 * whatever has failed.
 */
export interface Certificate {
  readonly session: FrontSession
  readonly includes: number
  /** Monotonic milliseconds. Counted from before the back tier was asked, not from the answer of the front. */
  readonly validUntil: number
}
