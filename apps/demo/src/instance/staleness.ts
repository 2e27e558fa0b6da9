import type { Tidemark } from 'tidemark'
import { type Buckets, Distribution, type Summary } from '../distribution.ts'

/** How long after their commit the writes of other instances became visible in this one, in milliseconds. */
export interface StalenessStats extends Summary {
  readonly buckets: Buckets
}

/** Measures how stale this instance ever is, from its start on. */
export class Staleness {
  readonly #distribution = new Distribution()
  readonly #end: () => void

  constructor(store: Tidemark) {
    const subscription = store.visibilityLag$.subscribe((ms) => this.#distribution.record(ms))
    this.#end = () => subscription.unsubscribe()
  }

  snapshot(): StalenessStats {
    return { ...this.#distribution.summary(), buckets: this.#distribution.buckets() }
  }

  close(): void {
    this.#end()
  }
}
