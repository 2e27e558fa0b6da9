/**
 * What all processes of a store agree on about one shared front, kept in the back tier and read in every commit's own
 * transaction: a commit knows who it has to reach before nobody can read what it replaced.
 */
export interface FrontAgreement {
  /** The epoch that counts: records of any other one are not believed. Empty: none was started yet. */
  readonly epoch: string
  /** The server (see FrontSession) that counts: reads from any other one are not believed. Empty: none yet. */
  readonly server: string
  /** Grows with every change of this agreement. */
  readonly term: number
  /** Nobody reads from the front: it could not be reached, and writes do not wait for it. */
  readonly suspended: boolean
  /**
   * Milliseconds. No certificate that was sampled in this term lives longer than this: who wants a larger one agrees on it
   * first. 0: nobody has agreed on a bound yet.
   */
  readonly maxStaleMs: number
  /**
   * Milliseconds, never below `maxStaleMs`: how long a certificate may live that was sampled in this term or an earlier one,
   * and so how long writers wait. A `maxStaleMs` that shrinks leaves it as it is; who has known a term for longer than this
   * may let it shrink too.
   */
  readonly waitMs: number
}

/** Term 0: nobody has agreed on anything yet. */
export const NO_AGREEMENT: FrontAgreement = Object.freeze({
  epoch: '',
  server: '',
  term: 0,
  suspended: false,
  maxStaleMs: 0,
  waitMs: 0,
})

/** The next agreement; the known one itself where `next` changes nothing of it. */
export function nextAgreement(known: FrontAgreement, next: Partial<Omit<FrontAgreement, 'term'>>): FrontAgreement {
  const { epoch = known.epoch, server = known.server, suspended = known.suspended } = next
  const { maxStaleMs = known.maxStaleMs } = next
  // Nobody may let writers wait for less than certificates of this very term live.
  const waitMs = Math.max(next.waitMs ?? known.waitMs, maxStaleMs)
  const isSame =
    epoch === known.epoch &&
    server === known.server &&
    suspended === known.suspended &&
    maxStaleMs === known.maxStaleMs &&
    waitMs === known.waitMs
  return isSame ? known : Object.freeze({ epoch, server, term: known.term + 1, suspended, maxStaleMs, waitMs })
}

/** The head of the log and an agreement, from one snapshot. */
export interface AgreementSample {
  readonly head: number
  readonly agreement: FrontAgreement
}

/** Agreements about shared fronts, by the name of the front. */
export interface FrontAgreements {
  /** Without a promise where the answer is at hand. About 10 µs in an embedded back tier. */
  sample(front: string): AgreementSample | Promise<AgreementSample>
  /**
   * Changes an agreement as {@link nextAgreement} says, unless somebody else has since `term`. Durable when it resolves;
   * not a change of the log.
   * @returns the agreement afterwards, whoever made it, with the head of the log in the same transaction
   */
  change(front: string, term: number, next: Partial<Omit<FrontAgreement, 'term'>>): Promise<AgreementSample>
}

/** Those of an embedded back tier, which has every answer at hand. */
export interface SyncFrontAgreements extends FrontAgreements {
  sample(front: string): AgreementSample
}
