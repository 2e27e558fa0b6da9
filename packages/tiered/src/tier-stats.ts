/**
 * Which tier answered how many reads of single keys since the store was opened. Several keys that were answered anew by the
 * back tier, so that they are of one moment, count there once more.
 */
export interface TierStats {
  readonly reads: number
  /** By tier name. What a front answered with "does not exist" counts as its hit. */
  readonly hits: Readonly<Record<string, number>>
}

export class TierCounters {
  readonly #hits = new Map<string, { hits: number }>()

  /** The counter of one tier, to be incremented in place: counting must cost nothing on the hit path. */
  of(tier: string): { hits: number } {
    let counter = this.#hits.get(tier)
    if (counter === undefined) this.#hits.set(tier, (counter = { hits: 0 }))
    return counter
  }

  snapshot(): TierStats {
    const hits = Object.fromEntries([...this.#hits].map(([tier, counter]) => [tier, counter.hits]))
    return { reads: Object.values(hits).reduce((sum, count) => sum + count, 0), hits }
  }
}
