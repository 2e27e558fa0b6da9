/**
 * Which tier answered how many reads of single keys since the store was opened. Of several keys, each counts once, where the
 * answer is from that was given: all of them the back tier, where it was asked for them anew, so that they are of one moment.
 * Callers who share a read of a key, as they came at the same time, count as one.
 */
export interface TierStats {
  /** Those that a tier has answered: no linearizable ones, and none that `frontend-only` found nowhere. */
  readonly reads: number
  /** By tier name. What a front answered with "does not exist" counts as its hit. */
  readonly hits: Readonly<Record<string, number>>
}

/** Where the answers of a read are counted. */
export interface AnswerCount {
  add(tier: string, answers: number): void
}

/** Of a read whose answers may not be the ones that are given. */
export class Tally implements AnswerCount {
  readonly #counted: (readonly [tier: string, answers: number])[] = []

  add(tier: string, answers: number): void {
    this.#counted.push([tier, answers])
  }

  /** They are given. */
  addTo(count: AnswerCount): void {
    for (const [tier, answers] of this.#counted) count.add(tier, answers)
  }
}

export class TierCounters implements AnswerCount {
  readonly #hits = new Map<string, { hits: number }>()

  /** The counter of one tier, to be incremented in place: counting must cost nothing on the hit path. */
  of(tier: string): { hits: number } {
    let counter = this.#hits.get(tier)
    if (counter === undefined) this.#hits.set(tier, (counter = { hits: 0 }))
    return counter
  }

  add(tier: string, answers: number): void {
    this.of(tier).hits += answers
  }

  snapshot(): TierStats {
    const hits = Object.fromEntries([...this.#hits].map(([tier, counter]) => [tier, counter.hits]))
    return { reads: Object.values(hits).reduce((sum, count) => sum + count, 0), hits }
  }
}
