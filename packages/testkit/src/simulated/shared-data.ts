import type { Clock, Commit, Leases, LogChange, MemoryBack, Proposal } from '@tidemark/core'
import type { BackFlaw } from './flaws.ts'

export interface OpenSharedMemory {
  /** Which opened store this is. */
  readonly origin: string
  /** That of the process. */
  readonly clock: Clock
  /**
   * How long the way to the data and the way back take, in milliseconds, each time; 0: no time, and where the port has a
   * way to answer at once, it does. @default 0
   */
  readonly delayMs?: (() => number) | undefined
  /** Whether the log can be followed at once, as in an embedded back tier. @default true */
  readonly sync?: boolean | undefined
  /** Gets what a commit listener threw. @default it ends the process */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** One process's view, as those who commit on its behalf know it. */
export interface CommitOwner {
  readonly origin: string
  /** Its commits are durable; those of one group. */
  deliver(commits: readonly Commit[]): void
}

/** What the views of all processes have in common. */
export interface SharedData {
  readonly base: MemoryBack
  readonly leases: Leases
  /** Rules that its views break. */
  readonly flaws: readonly BackFlaw[]
  /** The commit of this proposal is the owner's. */
  own(proposal: Proposal, owner: CommitOwner): void
  expire(limit: number, owner: CommitOwner): Promise<Commit>
  /** The change as whoever made it would have written it down. */
  signed(change: LogChange): LogChange
}
