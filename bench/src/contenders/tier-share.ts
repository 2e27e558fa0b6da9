import type { Tidemark } from 'tidemark'

type Tier = 'near' | 'redis' | 'sqlite'

export interface TierShare {
  readonly reads: number
  /** Those that the tier answered. */
  readonly hits: number
}

/** What one tier has answered so far. */
export function shareOf(store: Tidemark, tier: Tier): TierShare {
  const { reads, hits } = store.tierStats()
  return { reads, hits: Object.entries(hits).find(([name]) => name.startsWith(tier))?.[1] ?? 0 }
}

/** The share of reads that one tier answers, over a sliding window: of what it has looked at, the last `windowMs`. */
export class SlidingShare {
  readonly #store: Tidemark
  readonly #tier: Tier
  readonly #windowMs: number
  #looks: (TierShare & { readonly at: number })[] = []

  constructor(store: Tidemark, tier: Tier, windowMs: number) {
    this.#store = store
    this.#tier = tier
    this.#windowMs = windowMs
    this.restart()
  }

  /** What was before this does not count. */
  restart(): void {
    this.#looks = [{ at: performance.now(), ...shareOf(this.#store, this.#tier) }]
  }

  /** From 0 to 1; 0 as long as nobody has read. `isWhole`: the window is as long as it is to be. */
  look(): { readonly share: number; readonly isWhole: boolean } {
    const last = { at: performance.now(), ...shareOf(this.#store, this.#tier) }
    this.#looks.push(last)
    const begin = Math.max(
      0,
      this.#looks.findLastIndex(({ at }) => at <= last.at - this.#windowMs),
    )
    this.#looks.splice(0, begin)
    const first = this.#looks[0]!
    const reads = last.reads - first.reads
    return {
      share: reads === 0 ? 0 : (last.hits - first.hits) / reads,
      isWhole: last.at - first.at >= this.#windowMs,
    }
  }
}
