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
   * Milliseconds. No certificate lives longer than this: who wants a larger one agrees on it first; writers wait this
   * long. Never shrinks while the log lives, a declared restore included: who has not heard of it still holds his. 0:
   * nobody has agreed on a bound yet.
   */
  readonly maxStaleMs: number
}

/** Term 0: nobody has agreed on anything yet. */
export const NO_AGREEMENT: FrontAgreement = Object.freeze({
  epoch: '',
  server: '',
  term: 0,
  suspended: false,
  maxStaleMs: 0,
})

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
   * Changes an agreement, unless somebody else has since `term`. A smaller `maxStaleMs` leaves the larger one as it is.
   * Durable when it resolves; not a change of the log.
   * @returns the agreement afterwards, whoever made it, with the head of the log in the same transaction
   */
  change(front: string, term: number, next: Partial<Omit<FrontAgreement, 'term'>>): Promise<AgreementSample>
}

/** Those of an embedded back tier, which has every answer at hand. */
export interface SyncFrontAgreements extends FrontAgreements {
  sample(front: string): AgreementSample
}
