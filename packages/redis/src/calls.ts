import { type Clock, ClosedError, type TidemarkError } from '@tidemark/core'
import { withinDeadline } from './deadline.ts'

export interface CallsOptions {
  /** Of what is called, for messages. */
  readonly name: string
  readonly clock: Clock
  /** How long a call waits for {@link Calls.open}. */
  readonly waitMs: number
  /** What a call rejects with that has waited for too long. */
  readonly late: () => TidemarkError
}

/** The calls of something that takes its time to open, and that ends when the last one of them has settled. */
export class Calls {
  readonly #options: CallsOptions
  readonly #inFlight = new Set<Promise<unknown>>()
  #opening: Promise<void> | undefined
  #open: () => void = () => {}
  #closed = false

  constructor(options: CallsOptions) {
    this.#options = options
    this.#opening = new Promise((resolve) => (this.#open = resolve))
  }

  /** Lets calls through. Idempotent. */
  open(): void {
    this.#opening = undefined
    this.#open()
  }

  /** @throws ClosedError */
  assertOpen(): void {
    if (this.#closed) throw new ClosedError(`front "${this.#options.name}"`)
  }

  /** @throws ClosedError, or what `late` and `work` do. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.assertOpen()
    const call = this.#opening === undefined ? work() : this.#afterOpening(this.#opening, work)
    this.#inFlight.add(call)
    try {
      return await call
    } finally {
      this.#inFlight.delete(call)
    }
  }

  /** Takes no more calls. Resolves when those under way have settled. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#inFlight)
  }

  async #afterOpening<T>(opening: Promise<void>, work: () => Promise<T>): Promise<T> {
    const { clock, waitMs, late } = this.#options
    await withinDeadline(opening, waitMs, clock, late)
    return work()
  }
}
