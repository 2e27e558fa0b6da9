import {
  type Back,
  type Clock,
  type Commit,
  createMemoryBack,
  type Leases,
  type LogChange,
  type MemoryBack,
  type Proposal,
} from '@tidemark/core'
import { flawedLeases } from './flawed-back.ts'
import type { BackFlaw } from './flaws.ts'
import type { CommitOwner, OpenSharedMemory, SharedData } from './shared-data.ts'
import { SharedMemoryBack } from './shared-memory-back.ts'

export interface SharedMemoryOptions {
  readonly clock: Clock
  /** See MemoryBackOptions. */
  readonly maxLogChanges?: number | undefined
  readonly flaws?: readonly BackFlaw[] | undefined
}

/** Called at each commit, of whichever process, before anybody can have read it. */
export type SharedCommitListener = (commit: Commit, origin: string) => void

/** One back tier in memory that several processes share, as they would share a file. */
export class SharedMemory implements SharedData {
  readonly base: MemoryBack
  readonly leases: Leases
  readonly flaws: readonly BackFlaw[]
  readonly #origins = new Map<number, string>()
  readonly #owners = new WeakMap<Proposal, CommitOwner>()
  readonly #listeners = new Set<SharedCommitListener>()
  /** Who has asked for expiry: commits of it carry no proposal. */
  readonly #expiring: CommitOwner[] = []

  constructor({ clock, maxLogChanges, flaws = [] }: SharedMemoryOptions) {
    this.flaws = flaws
    this.base = createMemoryBack({ clock, maxLogChanges })
    this.leases = flawedLeases(this.base.leases, flaws)
    this.base.onCommit((commits) => this.#dispatch(commits))
  }

  /** The same data for one more process. */
  open(options: OpenSharedMemory): Back {
    return new SharedMemoryBack(this, options)
  }

  onCommit(listener: SharedCommitListener): void {
    this.#listeners.add(listener)
  }

  /** For the backs that are opened here: the commit of this proposal is theirs. */
  own(proposal: Proposal, owner: CommitOwner): void {
    this.#owners.set(proposal, owner)
  }

  async expire(limit: number, owner: CommitOwner): Promise<Commit> {
    this.#expiring.push(owner)
    try {
      return await this.base.expire(limit)
    } finally {
      this.#expiring.splice(this.#expiring.indexOf(owner), 1)
    }
  }

  /** The change as whoever made it would have written it down. */
  signed(change: LogChange): LogChange {
    const origin = this.#origins.get(change.seq)
    // A copied change names who wrote it first, whoever copied it.
    return origin === undefined || change.source !== undefined ? change : Object.freeze({ ...change, origin })
  }

  #dispatch(commits: readonly Commit[]): void {
    const owned = new Map<CommitOwner, Commit[]>()
    for (const commit of commits) {
      const { proposal, changes } = commit
      const owner = proposal === undefined ? this.#expiring[0] : this.#owners.get(proposal)
      if (owner === undefined) continue
      for (const { seq } of changes) this.#origins.set(seq, owner.origin)
      for (const listener of this.#listeners) listener(commit, owner.origin)
      const own = owned.get(owner)
      if (own === undefined) owned.set(owner, [commit])
      else own.push(commit)
    }
    for (const [owner, own] of owned) owner.deliver(own)
  }
}
