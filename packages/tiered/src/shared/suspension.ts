import type { Clock } from '@tidemark/core'

const FIRST_MS = 1_000
const LONGEST_MS = 16_000
/** Of the time that it was suspended for: in service for less, it was too early. */
const TOO_EARLY = 1 / 4

/**
 * How long a front that was suspended stays so, though this process reaches it: its writers and its readers may see
 * different parts of a network, and each turn costs writers a wait. Twice as long where it was suspended again soon; half as
 * long for every such time that it was in service since, so that troubles that come now and then, of a process or two out of
 * many, keep nobody from it for longer than they last.
 */
export class Suspension {
  readonly #clock: Clock
  #patienceMs = FIRST_MS
  #suspendedAt: number | undefined
  #resumedAt = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * What the back tier says now. Whatever else is agreed on while it is suspended, another server or epoch, leaves it the same
   * suspension: it does not begin again.
   */
  learn(isSuspended: boolean): void {
    if (isSuspended === (this.#suspendedAt !== undefined)) return
    const now = this.#clock.monotonic()
    if (!isSuspended) {
      this.#suspendedAt = undefined
      this.#resumedAt = now
      return
    }
    const times = (now - this.#resumedAt) / this.#patienceMs
    if (times < TOO_EARLY) this.#patienceMs = Math.min(2 * this.#patienceMs, LONGEST_MS)
    else this.#patienceMs = Math.max(this.#patienceMs * 2 ** -Math.floor(times), FIRST_MS)
    this.#suspendedAt = now
  }

  /** Whether it has been known to be suspended for long enough. */
  get mayEnd(): boolean {
    return this.#suspendedAt !== undefined && this.#clock.monotonic() - this.#suspendedAt >= this.#patienceMs
  }
}
