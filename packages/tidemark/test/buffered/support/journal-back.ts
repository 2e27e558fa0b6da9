import { createMemoryBack, type MemoryBack, type Proposal, TidemarkError } from '@tidemark/core'
import type { ManualClock } from '@tidemark/testkit'

/** A back tier for a journal, with what was committed to it, and what is to go wrong. */
export interface JournalBackUnderTest {
  readonly back: MemoryBack
  /** How many commits have added a row. */
  readonly rows: () => number
  /** The next commit that this holds for fails. */
  failOnce(when: (proposal: Proposal) => boolean): void
}

export function journalBack(clock?: ManualClock): JournalBackUnderTest {
  const back = createMemoryBack(clock && { clock })
  let rows = 0
  let failing: ((proposal: Proposal) => boolean) | undefined
  const commit = back.commit.bind(back)
  back.commit = async (proposal, ...rest) => {
    if (failing?.(proposal) === true) {
      failing = undefined
      throw new TidemarkError('IO', 'no such disk')
    }
    if (typeof proposal.marks === 'function') rows++
    return commit(proposal, ...rest)
  }
  return { back, rows: () => rows, failOnce: (when) => (failing = when) }
}
