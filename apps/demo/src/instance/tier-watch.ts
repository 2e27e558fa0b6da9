import type { Tidemark } from 'tidemark'

export interface TierTrouble {
  /** Calls to a front that failed. None of them failed a request: the tier below answered, and writes are repaired. */
  readonly failures: number
  readonly repairs: number
  /** What was wrong most recently. */
  readonly last: string | undefined
}

/** Counts what goes wrong in the tiers without any request noticing. */
export class TierWatch {
  readonly #end: () => void
  #failures = 0
  #repairs = 0
  #last: string | undefined

  constructor(store: Tidemark) {
    const subscription = store.tierEvents$.subscribe((event) => {
      if (event.type === 'front-repaired') this.#repairs++
      if (!('error' in event)) return
      this.#failures++
      this.#last = event.error.message
    })
    this.#end = () => subscription.unsubscribe()
  }

  snapshot(): TierTrouble {
    return { failures: this.#failures, repairs: this.#repairs, last: this.#last }
  }

  close(): void {
    this.#end()
  }
}
