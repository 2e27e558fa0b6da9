import type { ApplyMode, Commit, CommitListener, LogChange, Proposal, SyncBack, TierReport } from '@tidemark/core'
import { NO_AGREEMENT } from '@tidemark/core'
import type { Flights } from './flights.ts'
import { fronted } from './fronted.ts'
import type { NearFollower } from './near-follower.ts'
import { type Acknowledgement, ackOf, type ResolvedOptions, type TieredWriteOptions, writePolicyOf } from './options.ts'
import type { WritePolicy } from './policies.ts'
import type { Application, FrontLink } from './shared/front-link.ts'
import { type Told, ToldByDecision } from './told-by-decision.ts'

/** A proposal that remembers what is to happen in the fronts once it is committed. */
interface TieredProposal extends Proposal {
  readonly mode: ApplyMode
  /** What the caller proposed. */
  readonly original: Proposal
  /** Called when it is durable, and no read of this process meets what it replaced. */
  readonly onCommitted?: (() => void) | undefined
}

/** What became of the commits of one transaction. */
interface Group {
  /** Of each commit of the back tier, the commit as callers and listeners see it. */
  readonly told: Promise<ReadonlyMap<Commit, Commit>>
  /** Resolves when no process reads from any shared front what the group replaced. */
  readonly safe: () => Promise<unknown>
}

/** Commits in the back tier, then brings the fronts in step, then tells the listeners, then acknowledges. */
export class WritePath {
  readonly #options: ResolvedOptions
  readonly #links: readonly FrontLink[]
  readonly #follower: NearFollower | undefined
  readonly #flights: Flights
  readonly #listeners = new Set<CommitListener>()
  readonly #groups = new WeakMap<Commit, Group>()
  /** Ends when every group so far was brought to the fronts and told to the listeners, in the order of the log. */
  #told: Promise<unknown> = Promise.resolve()
  readonly #stopListening: () => void
  readonly #onTold: Told

  /** @param onTold called with what the back tier has told beside the changes that were made */
  constructor(
    options: ResolvedOptions,
    links: readonly FrontLink[],
    follower: NearFollower | undefined,
    flights: Flights,
    onTold: Told,
  ) {
    this.#onTold = onTold
    this.#options = options
    this.#links = links
    this.#follower = follower
    this.#flights = flights
    this.#stopListening = options.back.onCommit((commits) => this.#onCommits(commits))
  }

  async commit(proposal: Proposal, options: TieredWriteOptions | undefined, onCommitted?: () => void): Promise<Commit> {
    const ack = ackOf(options?.ack, this.#options.ack)
    const told = new ToldByDecision(proposal)
    const tiered = { ...this.#tiered(proposal, told, options?.writePolicy), onCommitted }
    let commit: Commit
    try {
      commit = await this.#options.back.commit(tiered)
    } catch (error) {
      told.refused(this.#onTold)
      throw error
    }
    told.committed(commit, this.#onTold)
    return this.#acknowledge(commit, ack)
  }

  /** In the calling turn: for a store without shared fronts, which would have to be told first. */
  commitNow(proposal: Proposal, sync: SyncBack): Commit {
    const told = new ToldByDecision(proposal)
    const tiered = this.#tiered(proposal, told, undefined)
    let commit: Commit
    try {
      commit = sync.commit(tiered)
    } catch (error) {
      told.refused(this.#onTold)
      throw error
    }
    told.committed(commit, this.#onTold)
    return asSeen(commit, [])
  }

  async expire(limit: number): Promise<Commit> {
    return this.#acknowledge(await this.#options.back.expire(limit), this.#options.ack)
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

  #tiered(proposal: Proposal, told: ToldByDecision, chosen: WritePolicy | undefined): TieredProposal {
    const policy = writePolicyOf(chosen, this.#options.writePolicy)
    return {
      ...proposal,
      decide: (current) => told.decide(current),
      mode: policy === 'write-around' ? 'invalidate' : 'install',
      original: proposal,
    }
  }

  async #acknowledge(commit: Commit, ack: Acknowledgement): Promise<Commit> {
    const group = this.#groups.get(commit)
    // Before it is old: what a WeakMap has held then lives until the next full collection.
    this.#groups.delete(commit)
    if (group === undefined) return asSeen(commit, [])
    const told = await group.told
    if (ack === 'strict') await group.safe()
    return told.get(commit)!
  }

  /** Runs inside the back tier's commit: from here on, no read in this process meets what these commits replaced. */
  #onCommits(commits: readonly Commit[]): void {
    const byMode: Record<ApplyMode, LogChange[]> = { install: [], invalidate: [] }
    const flushes: (() => void)[] = []
    for (const { changes, proposal } of commits) {
      const { mode = 'invalidate', onCommitted } = (proposal as TieredProposal | undefined) ?? {}
      if (onCommitted !== undefined) flushes.push(onCommitted)
      if (changes.length === 0) continue
      const concerned = fronted(changes)
      this.#flights.forget(concerned)
      this.#options.near?.applyNow(concerned, mode)
      this.#follower?.observe(changes)
      for (const change of concerned) byMode[mode].push(change)
    }
    const committedAt = this.#options.clock.monotonic()
    const applied = Promise.all(this.#links.map((link) => applyTo(link, byMode)))
    const told = this.#tellInOrder(this.#told, commits, applied)
    this.#told = told
    // No front has held any of it, or ever will.
    const isApart = byMode.install.length === 0 && byMode.invalidate.length === 0
    let safe: Promise<unknown> | undefined
    const group: Group = {
      told,
      safe: () => (safe ??= isApart ? Promise.resolve() : this.#whenSafe(commits, applied, committedAt)),
    }
    for (const commit of commits) this.#groups.set(commit, group)
    // After the fronts know of it, so that no read falls between the two.
    for (const onCommitted of flushes) onCommitted()
  }

  async #whenSafe(
    commits: readonly Commit[],
    applied: Promise<readonly Application[]>,
    committedAt: number,
  ): Promise<unknown> {
    const agreements = commits[0]?.agreements
    const applications = await applied
    return Promise.all(
      this.#links.map((link, i) =>
        link.isSafe(agreements?.get(link.front.agreedAs) ?? NO_AGREEMENT, applications[i]!, committedAt),
      ),
    )
  }

  /** A group whose fronts were quicker than those of an earlier one waits for it. */
  async #tellInOrder(
    earlier: Promise<unknown>,
    commits: readonly Commit[],
    applied: Promise<readonly Application[]>,
  ): Promise<ReadonlyMap<Commit, Commit>> {
    const tiers = (await applied).map(({ report }) => report)
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

async function applyTo(link: FrontLink, byMode: Record<ApplyMode, readonly LogChange[]>): Promise<Application> {
  const applications = await Promise.all(
    (['install', 'invalidate'] as const).flatMap((mode) =>
      byMode[mode].length > 0 ? [link.apply(byMode[mode], mode)] : [],
    ),
  )
  const [first, second = first] = applications
  if (first === undefined || second === undefined) {
    return { report: { tier: link.name, outcome: 'applied', error: undefined }, server: undefined }
  }
  const worst = first.report.outcome === 'failed' ? first : second
  return { report: worst.report, server: first.server === second.server ? first.server : undefined }
}

function asSeen({ changes, asOf, agreements, proposal }: Commit, tiers: readonly TierReport[]): Commit {
  return { changes, asOf, agreements, proposal: (proposal as TieredProposal | undefined)?.original, tiers }
}
