import type { Clock } from '../clock.ts'
import type { Back, Commit, Proposal, ReadOptions } from '../ports/back.ts'
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
 * Commits a proposal whose `decide` gets the entries as readers see them. Which tags to look up is known only when the
 * entries are read, inside the transaction: where there are any, the first attempt finds that out, and the second one
 * reads their epochs too. `decide` is called in attempts that have all of them.
 */
export async function commitSeen<R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  clock: Clock,
  seen: Proposal,
  options: W | undefined,
): Promise<Commit> {
  const { reads } = seen
  const tags = new Set<string>()
  for (;;) {
    const known = [...tags]
    const proposal: Proposal = {
      ...seen,
      reads: known.length === 0 ? reads : [...reads, ...known.map(tagKey)],
      decide(current) {
        if (current.every((entry) => entry?.meta === undefined)) return seen.decide(current.slice(0, reads.length))
        const entries = current.slice(0, reads.length)
        const missing = entries
          .flatMap((entry) => (entry === undefined ? [] : tagsOf(entry)))
          .filter((tag) => !tags.has(tag))
        if (missing.length > 0) throw new EpochsMissing(missing)
        const epochs = epochsOfEntries(known, current.slice(reads.length))
        const now = clock.now()
        return seen.decide(entries.map((entry) => seenWith(entry, epochs, now)))
      },
    }
    try {
      return await back.commit(proposal, options)
    } catch (error) {
      if (!(error instanceof EpochsMissing)) throw error
      for (const tag of error.tags) tags.add(tag)
    }
  }
}
