import { type Clock, TidemarkError } from '@tidemark/core'

/** So often in a row the file may be another one than it was left: a takeover accounts for one or two. */
const MOST = 3
/** Later than this after the last time, it is another takeover, or somebody who moves files away once in a while. */
const APART_MS = 5_000

/** Tells a file that was taken over from one that somebody else is writing to all the time. */
export class Rivals {
  readonly #path: string
  readonly #clock: Clock
  #met = 0
  #metAt = -Infinity

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** The file is not as it was left. */
  met(): void {
    const now = this.#clock.monotonic()
    this.#met = now - this.#metAt > APART_MS ? 1 : this.#met + 1
    this.#metAt = now
  }

  /** The file is as it was left. */
  none(): void {
    this.#met = 0
  }

  /** @throws TidemarkError BUSY when the file keeps changing */
  check(): void {
    if (this.#met <= MOST) return
    throw new TidemarkError(
      'BUSY',
      `another process is writing to ${this.#path}; give its consumer lanes: 1, or each process a file of its own`,
      { retryable: true },
    )
  }
}
