import type { Clock } from '../clock.ts'

/** How long one reading of the clock serves, in milliseconds. */
const RESOLUTION_MS = 1
/** How many askers one reading serves: keeps time moving in a turn that does not let timers run. */
const MAX_ASKERS = 256

/**
 * Wall-clock time for checks that run millions of times a second, where asking the system takes longer than the check's
 * own work. Lags behind by a millisecond; by more only while the event loop is blocked, and for 256 calls at most.
 */
export class CoarseTime {
  readonly #clock: Clock
  #now = 0
  #left = 0
  #isScheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    if (this.#left === 0) this.#look()
    this.#left--
    return this.#now
  }

  #look(): void {
    this.#now = this.#clock.now()
    this.#left = MAX_ASKERS
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.schedule(RESOLUTION_MS, () => {
      this.#isScheduled = false
      this.#left = 0
    })
  }
}
