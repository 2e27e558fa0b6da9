import type { ApplyMode, Commit, CommitListener, LogChange, Proposal, TierReport } from '@tidemark/core'
import type { Flights } from './flights.ts'
import type { FrontLink } from './front-link.ts'
import type { NearFollower } from './near-follower.ts'
import { type ResolvedOptions, type TieredWriteOptions, writePolicyOf } from './options.ts'
import { asError } from './tier-events.ts'

/** A proposal that remembers what is to happen in the fronts once it is committed. */
interface TieredProposal extends Proposal {
  readonly mode: ApplyMode
}

/** Commits in the back tier, then brings the fronts in step, then acknowledges and tells the listeners. */
export class WritePath {
  readonly #options: ResolvedOptions
  readonly #links: readonly FrontLink[]
  readonly #follower: NearFollower | undefined
  readonly #flights: Flights
  readonly #listeners = new Set<CommitListener>()
  readonly #settling = new WeakMap<Commit, Promise<readonly TierReport[]>>()
  /** Ends when every group so far was brought to the fronts and told to the listeners, in the order of the log. */
  #told: Promise<void> = Promise.resolve()
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
    }
    return this.#acknowledge(await this.#options.back.commit(tiered), proposal)
  }

  async expire(limit: number): Promise<Commit> {
    return this.#acknowledge(await this.#options.back.expire(limit), undefined)
  }

  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** After the back tier was closed: what it committed last has reached the fronts and the listeners. */
  async close(): Promise<void> {
    this.#stopListening()
    await this.#told
  }

  async #acknowledge(commit: Commit, proposal: Proposal | undefined): Promise<Commit> {
    const tiers = (await this.#settling.get(commit)) ?? []
    return { changes: commit.changes, asOf: commit.asOf, proposal, tiers }
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
      byMode[mode].push(...changes)
    }
    const settled = this.#settle(byMode)
    for (const commit of commits) this.#settling.set(commit, settled)
    this.#told = this.#told.then(async () => this.#tell(commits, await settled))
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

  #tell(commits: readonly Commit[], tiers: readonly TierReport[]): void {
    const told = commits.filter((commit) => commit.changes.length > 0).map((commit) => ({ ...commit, tiers }))
    if (told.length === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(told)
      } catch (error) {
        // A listener is wired by this project's own packages, which isolate their subscribers; still, nothing may stop here.
        queueMicrotask(() => {
          throw asError(error)
        })
      }
    }
  }
}
