import type { Clock } from '../clock.ts'
import type { Proposal } from '../ports/back.ts'
import { epochsOfEntries, tagKey } from './tags.ts'
import { seenWith, tagsOf } from './visibility.ts'

/** The entries that were read carry tags whose epochs were not read with them. */
class EpochsMissing extends Error {
  readonly tags: readonly string[]

  constructor(tags: readonly string[]) {
    super('the epochs of tags are missing')
    this.tags = tags
  }
}

/**
 * A proposal whose `decide` gets the entries as readers see them. Which tags to look up is known only when the entries are
 * read, inside the transaction: where there are any, the first attempt finds that out, and the second one reads their
 * epochs too. `decide` is called in attempts that have all of them.
 */
export class SeenProposal {
  readonly #clock: Clock
  readonly #seen: Proposal
  readonly #tags = new Set<string>()

  constructor(clock: Clock, seen: Proposal) {
    this.#clock = clock
    this.#seen = seen
  }

  /** For the next attempt. */
  get attempt(): Proposal {
    const seen = this.#seen
    const { reads } = seen
    const tags = this.#tags
    const known = [...tags]
    return {
      ...seen,
      reads: known.length === 0 ? reads : [...reads, ...known.map(tagKey)],
      decide: (current) => {
        if (current.every((entry) => entry?.meta === undefined)) return seen.decide(current.slice(0, reads.length))
        const entries = current.slice(0, reads.length)
        const missing = entries
          .flatMap((entry) => (entry === undefined ? [] : tagsOf(entry)))
          .filter((tag) => !tags.has(tag))
        if (missing.length > 0) throw new EpochsMissing(missing)
        const epochs = epochsOfEntries(known, current.slice(reads.length))
        const now = this.#clock.now()
        return seen.decide(entries.map((entry) => seenWith(entry, epochs, now)))
      },
    }
  }

  /** Whether an attempt failed for what the next one will know. */
  learn(error: unknown): boolean {
    if (!(error instanceof EpochsMissing)) return false
    for (const tag of error.tags) this.#tags.add(tag)
    return true
  }
}
