import type { AgreementSample, FrontAgreement } from '@tidemark/core'

/** What the back tier said at a time. */
export interface Sample extends AgreementSample {
  /** Monotonic milliseconds, read before the back tier was asked. */
  readonly at: number
}

/** What the back tier said within the last `keepMs`: what a watermark that is seen later proves, it proves for the past. */
export class Samples {
  readonly #keepMs: number
  #samples: Sample[] = []

  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  get latest(): Sample | undefined {
    return this.#samples.at(-1)
  }

  add(sample: Sample): void {
    const oldest = sample.at - this.#keepMs
    const stale = this.#samples.findIndex(({ at }) => at >= oldest)
    if (stale !== 0) this.#samples.splice(0, stale === -1 ? this.#samples.length : stale)
    this.#samples.push(sample)
  }

  /** The latest sample not before `since` whose head lies at or before the watermark, and that agreed with `accepts`. */
  coveredBy(watermark: number, since: number, accepts: (agreement: FrontAgreement) => boolean): Sample | undefined {
    return this.#samples.findLast(({ at, head, agreement }) => at >= since && head <= watermark && accepts(agreement))
  }
}
