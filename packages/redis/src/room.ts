import type { Clock, TidemarkError } from '@tidemark/core'

/** How long a server that refused for want of memory is spared what would take more of it. */
const FULL_FOR_MS = 1_000

/** Whether the server has room, as far as it told. */
export class Room {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #onFull: (error: TidemarkError) => void
  readonly #onRoom: () => void
  #fullUntil = -Infinity
  /** It has refused something, and taken nothing since. */
  #hasRefused = false

  /**
   * @param onFull called when the server turns out to be full, at most once in the time for which that counts
   * @param onRoom called when it takes something again
   */
  constructor(clock: Pick<Clock, 'monotonic'>, onFull: (error: TidemarkError) => void, onRoom: () => void) {
    this.#clock = clock
    this.#onFull = onFull
    this.#onRoom = onRoom
  }

  get isFull(): boolean {
    return this.#clock.monotonic() < this.#fullUntil
  }

  refused(error: TidemarkError): void {
    const known = this.isFull
    this.#hasRefused = true
    this.#fullUntil = this.#clock.monotonic() + FULL_FOR_MS
    if (!known) this.#onFull(error)
  }

  /** The server has run what a full one refuses. */
  took(): void {
    if (!this.#hasRefused) return
    this.#hasRefused = false
    this.#onRoom()
  }
}
