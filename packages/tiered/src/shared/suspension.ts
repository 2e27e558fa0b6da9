import type { Clock } from '@tidemark/core'

const FIRST_MS = 1_000
const LONGEST_MS = 16_000

/**
 * How long a front that was suspended stays so, though this process reaches it: its writers and its readers may see
 * different parts of a network. The sooner it is suspended again, the longer.
 */
export class Suspension {
  readonly #clock: Clock
  #term = -1
  #patienceMs = FIRST_MS
  #endedAt = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param ageMs how long the suspension of this term is known */
  mayEnd(term: number, ageMs: number): boolean {
    if (term !== this.#term) {
      this.#term = term
      const isAgain = this.#clock.monotonic() - this.#endedAt < 2 * LONGEST_MS
      this.#patienceMs = isAgain ? Math.min(2 * this.#patienceMs, LONGEST_MS) : FIRST_MS
    }
    return ageMs >= this.#patienceMs
  }

  ended(): void {
    this.#endedAt = this.#clock.monotonic()
  }
}
