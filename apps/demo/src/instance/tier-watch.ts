import type { BypassReason, Tidemark, TierEvent } from 'tidemark'

/** Whether the shared front is read, as this instance sees it. */
export interface FrontStats {
  readonly state: 'serving' | 'bypassed'
  /** Why it is bypassed; null: it serves. */
  readonly reason: BypassReason | null
  /** What was the matter, where that is known. */
  readonly error: string | null
  /** How often it has stopped serving. */
  readonly bypasses: number
  /** How often this instance emptied it and started it anew. */
  readonly starts: number
}

export interface TierTrouble {
  /** Calls to a front that failed. None of them failed a request: the tier below answered, and writes are repaired. */
  readonly frontFailures: number
  /** How often following the log failed, and how often near memory had to begin anew. */
  readonly followFailures: number
  readonly nearRestarts: number
  /** What was wrong most recently. */
  readonly last: string | null
}

/** Counts what goes wrong in the tiers without any request noticing, and knows how the shared front is doing. */
export class TierWatch {
  readonly #end: () => void
  readonly #hasFront: boolean
  // Until it says otherwise.
  #front: Pick<FrontStats, 'state' | 'reason' | 'error'> = { state: 'bypassed', reason: 'unreachable', error: null }
  #bypasses = 0
  #starts = 0
  #frontFailures = 0
  #followFailures = 0
  #nearRestarts = 0
  #last: string | null = null

  constructor(store: Pick<Tidemark, 'tierEvents$'>, hasFront: boolean) {
    this.#hasFront = hasFront
    const subscription = store.tierEvents$.subscribe((event) => this.#take(event))
    this.#end = () => subscription.unsubscribe()
  }

  /** null: there is no shared front. */
  front(): FrontStats | null {
    return this.#hasFront ? { ...this.#front, bypasses: this.#bypasses, starts: this.#starts } : null
  }

  trouble(): TierTrouble {
    return {
      frontFailures: this.#frontFailures,
      followFailures: this.#followFailures,
      nearRestarts: this.#nearRestarts,
      last: this.#last,
    }
  }

  close(): void {
    this.#end()
  }

  #take(event: TierEvent): void {
    switch (event.type) {
      case 'front-serving':
        this.#front = { state: 'serving', reason: null, error: null }
        return
      case 'front-bypassed':
        // Another reason for the same bypass is no second one.
        if (this.#front.state === 'serving') this.#bypasses++
        this.#front = { state: 'bypassed', reason: event.reason, error: event.error?.message ?? null }
        return
      case 'front-started':
        this.#starts++
        return
      case 'front-failed':
        this.#frontFailures++
        this.#last = event.error.message
        return
      case 'near-restarted':
        this.#nearRestarts++
        return
      case 'follow-failed':
        this.#followFailures++
        this.#last = event.error.message
    }
  }
}
