import type { Commit, Entry, Found, Proposal, StoreKey, Write } from '@tidemark/core'

/** What the back tier said of keys. */
export type Told = (keys: readonly StoreKey[], found: readonly Found[]) => void

/**
 * What a process learns from a write about keys that it did not change: what `update` found, that there was nothing to
 * delete, which version stood in the way. No later read of it may be older.
 */
export class ToldByDecision {
  readonly #proposal: Proposal
  #current: readonly (Entry | undefined)[] = []
  #writes: readonly Write[] = []

  constructor(proposal: Proposal) {
    this.#proposal = proposal
  }

  decide(current: readonly (Entry | undefined)[]): readonly Write[] {
    this.#current = current
    this.#writes = this.#proposal.decide(current)
    return this.#writes
  }

  committed({ changes, asOf }: Commit, told: Told): void {
    const { reads } = this.#proposal
    // One write that took effect, the usual case, teaches nothing more.
    if (reads.length === 0 && this.#writes.length === changes.length) return
    const changed = new Set(changes.map(({ key }) => key.id))
    const others = [...reads, ...this.#writes.map(({ key }) => key)].filter(({ id }) => !changed.has(id))
    told(
      others,
      others.map(() => ({ entry: undefined, asOf, until: Infinity, tier: '' })),
    )
  }

  /** The decision threw. Of what did not exist nobody knows as of when. */
  refused(told: Told): void {
    const entries = this.#current.filter((entry) => entry !== undefined)
    if (entries.length === 0) return
    told(
      entries.map(({ key }) => key),
      entries.map((entry) => ({ entry, asOf: entry.version, until: Infinity, tier: '' })),
    )
  }
}
