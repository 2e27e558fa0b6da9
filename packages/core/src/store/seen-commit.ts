import type { Clock } from '../clock.ts'
import type { Back, Commit, Proposal, ReadOptions, SyncBack } from '../ports/back.ts'
import { SeenProposal } from './seen-proposal.ts'

/** Commits a proposal whose `decide` gets the entries as readers see them. */
export async function commitSeen<R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  clock: Clock,
  seen: Proposal,
  options: W | undefined,
): Promise<Commit> {
  const proposal = new SeenProposal(clock, seen)
  for (;;) {
    try {
      return await back.commit(proposal.attempt, options)
    } catch (error) {
      if (!proposal.learn(error)) throw error
    }
  }
}

/** As {@link commitSeen}, in the calling turn. */
export function commitSeenNow(back: SyncBack, clock: Clock, seen: Proposal): Commit {
  const proposal = new SeenProposal(clock, seen)
  for (;;) {
    try {
      return back.commit(proposal.attempt)
    } catch (error) {
      if (!proposal.learn(error)) throw error
    }
  }
}
