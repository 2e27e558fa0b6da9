import type { ApplyMode, Commit, CommitListener, LogChange, Proposal, TierReport } from '@tidemark/core'
import type { Flights } from './flights.ts'
import type { FrontLink } from './front-link.ts'
import type { NearFollower } from './near-follower.ts'
import { type ResolvedOptions, type TieredWriteOptions, writePolicyOf } from './options.ts'

/** A proposal that remembers what is to happen in the fronts once it is committed. */
interface TieredProposal extends Proposal {
  readonly mode: ApplyMode
  /** What the caller proposed. */
  readonly original: Proposal
}

/** Of each commit of the back tier, the commit as callers and listeners see it. */
type Outcomes = ReadonlyMap<Commit, Commit>

/** Commits in the back tier, then brings the fronts in step, then tells the listeners, then acknowledges. */
export class WritePath {
  readonly #options: ResolvedOptions
  readonly #links: readonly FrontLink[]
  readonly #follower: NearFollower | undefined
  readonly #flights: Flights
  readonly #listeners = new Set<CommitListener>()
  readonly #outcomes = new WeakMap<Commit, Promise<Outcomes>>()
  /** Ends when every group so far was brought to the fronts and told to the listeners, in the order of the log. */
  #told: Promise<unknown> = Promise.resolve()
  readonly #stopListening: () => void

  constructor(
    options: ResolvedOptions,
    links: readonly FrontLink[],
    follower: NearFollower | undefined,
    flights: Flights,
  ) {
    this.#options = options
    this.#links = links
    this.#follower = follower
    this.#flights = flights
    this.#stopListening = options.back.onCommit((commits) => this.#onCommits(commits))
  }

  async commit(proposal: Proposal, options: TieredWriteOptions | undefined): Promise<Commit> {
    const policy = writePolicyOf(options?.writePolicy, this.#options.writePolicy)
    const tiered: TieredProposal = {
      reads: proposal.reads,
      decide: (current) => proposal.decide(current),
      mode: policy === 'write-through' ? 'install' : 'invalidate',
      original: proposal,
    }
    return this.#acknowledge(await this.#options.back.commit(tiered))
  }

  async expire(limit: number): Promise<Commit> {
    return this.#acknowledge(await this.#options.back.expire(limit))
  }

  onCommit(listener: CommitListener): () => void {
    // Wrapped, so that one that is added twice is called twice.
    const added: CommitListener = (commits) => listener(commits)
    this.#listeners.add(added)
    return () => void this.#listeners.delete(added)
  }

  /** After the back tier was closed: what it committed last has reached the fronts and the listeners. */
  async close(): Promise<void> {
    this.#stopListening()
    await this.#told
  }

  async #acknowledge(commit: Commit): Promise<Commit> {
    const outcomes = await this.#outcomes.get(commit)
    return outcomes?.get(commit) ?? asSeen(commit, [])
  }

  /** Runs inside the back tier's commit: from here on, no read in this process meets what these commits replaced. */
  #onCommits(commits: readonly Commit[]): void {
    const byMode: Record<ApplyMode, LogChange[]> = { install: [], invalidate: [] }
    for (const { changes, proposal } of commits) {
      if (changes.length === 0) continue
      const mode = (proposal as TieredProposal | undefined)?.mode ?? 'invalidate'
      this.#flights.forget(changes)
      this.#options.near?.applyNow(changes, mode)
      this.#follower?.observe(changes)
      for (const change of changes) byMode[mode].push(change)
    }
    const told = this.#tellInOrder(this.#told, commits, this.#settle(byMode))
    this.#told = told
    for (const commit of commits) this.#outcomes.set(commit, told)
  }

  async #settle(byMode: Record<ApplyMode, readonly LogChange[]>): Promise<readonly TierReport[]> {
    const reports = this.#links.map(async (link): Promise<TierReport> => {
      const [installed, invalidated] = await Promise.all([
        byMode.install.length > 0 ? link.apply(byMode.install, 'install') : undefined,
        byMode.invalidate.length > 0 ? link.apply(byMode.invalidate, 'invalidate') : undefined,
      ])
      const failed = [installed, invalidated].find((report) => report?.outcome === 'failed')
      return failed ?? { tier: link.name, outcome: 'applied', error: undefined }
    })
    return Promise.all(reports)
  }

  /** A group whose fronts were quicker than those of an earlier one waits for it. */
  async #tellInOrder(
    earlier: Promise<unknown>,
    commits: readonly Commit[],
    settled: Promise<readonly TierReport[]>,
  ): Promise<Outcomes> {
    const tiers = await settled
    await earlier
    const outcomes = new Map(commits.map((commit) => [commit, asSeen(commit, tiers)]))
    this.#tell([...outcomes.values()].filter((commit) => commit.changes.length > 0))
    return outcomes
  }

  #tell(commits: readonly Commit[]): void {
    if (commits.length === 0) return
    // A copy: listeners come and go while they are called.
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(commits)
      } catch (error) {
        // Later, so that an error handler that throws cannot get between the commit and its writers either.
        queueMicrotask(() => this.#options.onError(error))
      }
    }
  }
}

function asSeen({ changes, asOf, proposal }: Commit, tiers: readonly TierReport[]): Commit {
  return { changes, asOf, proposal: (proposal as TieredProposal | undefined)?.original, tiers }
}
