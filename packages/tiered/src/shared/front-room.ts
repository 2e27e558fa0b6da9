import type { Clock, SharedFront, TidemarkError } from '@tidemark/core'
import type { TierEvents } from '../tier-events.ts'

/**
 * How long a front that was full has to take what it is given before that is told: every removal makes room for a little,
 * and the next write takes it.
 */
const QUIET_MS = 5_000

export interface FrontRoomOptions {
  readonly front: SharedFront
  readonly clock: Clock
  readonly events: TierEvents
}

/** Whether a shared front has room for more, as it is told: each spell without once, and its end. */
export class FrontRoom {
  readonly #options: FrontRoomOptions
  readonly #stopListening: () => void
  #isFull = false
  #cancel: () => void = () => {}

  constructor(options: FrontRoomOptions) {
    this.#options = options
    this.#stopListening = options.front.onRoom((refusal) => this.#heard(refusal))
  }

  close(): void {
    this.#stopListening()
    this.#cancel()
  }

  #heard(refusal: TidemarkError | undefined): void {
    const { clock, events, front } = this.#options
    this.#cancel()
    if (refusal === undefined) {
      this.#cancel = clock.schedule(QUIET_MS, () => this.#end())
      return
    }
    if (this.#isFull) return
    this.#isFull = true
    events.emit({ type: 'front-full', tier: front.name, error: refusal })
  }

  #end(): void {
    this.#isFull = false
    this.#options.events.emit({ type: 'front-has-room', tier: this.#options.front.name })
  }
}
