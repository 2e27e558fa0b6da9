import type { Clock } from '@tidemark/core'

/** For how long lanes go one after the other once two have met. */
const CALM_MS = 1_000
/**
 * A turn that takes longer is not waited for: its handler may hang, until its time is up. And if it does not, nothing is lost:
 * of those that go side by side from then on one commits each time, as one would in turn.
 */
const LONGEST_TURN_MS = 1_000
const MAX_BACKOFF_MS = 64

/**
 * Lets the lanes of a process take turns while their transactions get in each other's way, where all of them count
 * into the same few entries, for instance: each conflict runs a whole batch again, and side by side they would do
 * little else.
 */
export class ConflictTurns {
  readonly #clock: Clock
  readonly #random: () => number
  #last: Promise<void> = Promise.resolve()
  #until = -Infinity

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#clock.monotonic() >= this.#until) return work()
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    await before
    const cancel = this.#clock.schedule(LONGEST_TURN_MS, resolve)
    try {
      return await work()
    } finally {
      cancel()
      resolve()
    }
  }

  /** @param conflicts of this work in a row; the wait keeps processes apart, which have no turns. */
  async met(conflicts: number): Promise<void> {
    this.#until = this.#clock.monotonic() + CALM_MS
    await this.#clock.sleep(this.#random() * Math.min(2 ** (conflicts - 1), MAX_BACKOFF_MS))
  }
}
