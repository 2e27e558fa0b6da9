import type { Clock } from '@tidemark/core'
import type { LaneState } from './lane-state.ts'

/** How long, and how far, a lane may come through changes that it does not want before its place is stored. */
const STORE_MS = 1_000
const STORE_CHANGES = 4_096

/**
 * Stores where a lane is now and then, when it is on its way through what it does not want: it would else hold compaction
 * back, or begin far behind.
 */
export class PlaceKeeper {
  readonly #clock: Clock
  readonly #onDue: () => void
  #storedAt = -Infinity
  #cancel: (() => void) | undefined

  /** @param onDue `storeIfDue` is to be called again */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  async storeIfDue(state: LaneState): Promise<void> {
    if (state.unstored === 0) return
    const now = this.#clock.monotonic()
    const dueMs = this.#storedAt + STORE_MS - now
    if (dueMs > 0 && state.unstored < STORE_CHANGES) {
      this.#cancel ??= this.#clock.schedule(dueMs, () => {
        this.#cancel = undefined
        this.#onDue()
      })
      return
    }
    this.#storedAt = now
    await state.store(state.next({}))
  }

  stop(): void {
    this.#cancel?.()
  }
}
