import type { Clock } from '@tidemark/core'

export interface SpareRoomOptions {
  readonly everyMs: number
  readonly clock: Clock
}

/**
 * Whether disk space that compaction has freed is to be given back. What writers will soon fill again is theirs: to give
 * it back would cost them more than it saves. So what was removed is compared with what was written, over stretches of at
 * least `everyMs`, or up to when somebody asks: of single rounds that follow one another quickly, some would always
 * seem to have removed more than they had to.
 */
export class SpareRoom {
  readonly #options: SpareRoomOptions
  /** When the stretch began, and where the log ended. */
  #since: number
  #head: number | undefined
  #removed = 0
  /** Something was freed since space was given back for the last time. */
  #isFreed = false

  constructor(options: SpareRoomOptions) {
    this.#options = options
    this.#since = options.clock.monotonic()
  }

  /** To be told of every round. */
  isSpare(head: number, removed: number, why: 'asked' | 'due'): boolean {
    const { everyMs, clock } = this.#options
    this.#head ??= head
    this.#removed += removed
    this.#isFreed ||= removed > 0
    const now = clock.monotonic()
    if (why === 'due' && now - this.#since < everyMs) return false
    const written = head - this.#head
    const isSpare = this.#isFreed && (written === 0 || this.#removed > 2 * written)
    this.#since = now
    this.#head = head
    this.#removed = 0
    if (isSpare) this.#isFreed = false
    return isSpare
  }
}
