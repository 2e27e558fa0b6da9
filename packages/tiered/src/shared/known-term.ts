import type { Clock } from '@tidemark/core'

/** Since when this process has known of the current term of an agreement: no clock of another process is asked. */
export class KnownTerm {
  readonly #clock: Clock
  #term = -1
  #since = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  learn(term: number): void {
    if (term <= this.#term) return
    this.#term = term
    this.#since = this.#clock.monotonic()
  }

  /** How long this process has known that the agreement stands as it did in `term`; 0: it has changed since. */
  ageOf(term: number): number {
    return term === this.#term ? this.#clock.monotonic() - this.#since : 0
  }
}
