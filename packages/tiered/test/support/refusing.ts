import type { Back } from '@tidemark/core'

/** Commits as the back tier does, but for what writes the key: that is refused for good. */
export function refusing(back: Pick<Back, 'commit'>, key: string): Back['commit'] {
  const commit = back.commit.bind(back)
  return async (proposal) => {
    const writes = proposal.reads.length === 0 ? proposal.decide([]) : []
    if (writes.some((write) => write.key.tuple[0] === key)) throw new RangeError('too large')
    return commit(proposal)
  }
}
