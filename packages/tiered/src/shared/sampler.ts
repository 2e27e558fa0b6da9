import type { Clock, FrontAgreement, FrontAgreements } from '@tidemark/core'
import { KnownTerm } from './known-term.ts'
import { type Sample, Samples } from './samples.ts'
import { Suspension } from './suspension.ts'

/** Of Δ: how often the back tier is asked by itself. */
const SAMPLES = 12

export interface SamplerOptions {
  /** See SharedFront.agreedAs. */
  readonly agreedAs: string
  readonly agreements: FrontAgreements
  readonly clock: Clock
  /** Δ: see TieredOptions.frontMaxStaleMs. */
  readonly maxStaleMs: number
}

/**
 * Asks the back tier where its log ends and what is agreed on about a front, and knows since when it has said so. By itself
 * more often than the front is looked at, where it costs next to nothing: a watermark then proves more.
 */
export class Sampler {
  readonly #options: SamplerOptions
  readonly #samples: Samples
  readonly #known: KnownTerm
  readonly #suspension: Suspension
  #cancel: () => void = () => {}

  constructor(options: SamplerOptions) {
    this.#options = options
    this.#samples = new Samples(2 * options.maxStaleMs)
    this.#known = new KnownTerm(options.clock)
    this.#suspension = new Suspension(options.clock)
    this.#goOn()
  }

  get latest(): Sample | undefined {
    return this.#samples.latest
  }

  /** Whether the front has been suspended for long enough. */
  get maySuspensionEnd(): boolean {
    return this.#suspension.mayEnd
  }

  async take(): Promise<Sample> {
    const { agreedAs, agreements, clock } = this.#options
    const at = clock.monotonic()
    const answer = agreements.sample(agreedAs)
    const sample: Sample = { at, ...(answer instanceof Promise ? await answer : answer) }
    this.#known.learn(sample.agreement.term)
    this.#suspension.learn(sample.agreement.suspended)
    this.#samples.add(sample)
    return sample
  }

  /** As {@link KnownTerm.ageOf}. */
  ageOf(term: number): number {
    this.#known.learn(term)
    return this.#known.ageOf(term)
  }

  /** As {@link Samples.coveredBy}. */
  coveredBy(watermark: number, since: number, accepts: (agreement: FrontAgreement) => boolean): Sample | undefined {
    return this.#samples.coveredBy(watermark, since, accepts)
  }

  close(): void {
    this.#cancel()
  }

  #goOn(): void {
    const { clock, maxStaleMs } = this.#options
    this.#cancel = clock.schedule(maxStaleMs / SAMPLES, () => {
      void this.take().catch(() => undefined)
      this.#goOn()
    })
  }
}
