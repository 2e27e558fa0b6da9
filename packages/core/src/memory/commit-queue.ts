import type { Commit, CommitListener, Proposal } from '../ports/back.ts'
import { assertOutside } from '../batching/outside.ts'
import type { MemoryWriter } from './memory-writer.ts'

/** @returns what settles the request, and the commit that came of it, if one did */
interface Request {
  readonly run: () => { readonly resolve: () => void; readonly commit: Commit | undefined }
  readonly reject: (error: unknown) => void
}

export interface CommitQueueOptions {
  readonly writer: MemoryWriter
  readonly afterTurn: (task: () => void) => void
  /** Gets what a listener threw. */
  readonly onError: (error: unknown) => void
}

/**
 * Gathers what is asked for in one turn of the event loop and commits it together, each proposal for itself: as a
 * durable back tier does it, so that what holds above memory holds above a disk.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions
  readonly #listeners = new Set<CommitListener>()
  #requests: Request[] = []
  #isFlushing = false
  #idle: (() => void)[] = []

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  propose(proposal: Proposal): Promise<Commit> {
    return this.#commit(() => this.#options.writer.propose(proposal))
  }

  expire(limit: number): Promise<Commit> {
    return this.#commit(() => this.#options.writer.expire(limit))
  }

  /** Does something that is no change of the log, in its place among the commits. */
  perform<T>(task: () => T): Promise<T> {
    return this.#enqueue(task, () => undefined)
  }

  /** At once, after what waits. @throws what `decide` throws; TypeError inside of a decision or a commit listener */
  proposeNow(proposal: Proposal): Commit {
    assertOutside(this.#isFlushing)
    let outcome: { readonly commit: Commit } | { readonly error: unknown } | undefined
    this.#requests.push({
      run: () => {
        const commit = this.#options.writer.propose(proposal)
        return { resolve: () => void (outcome = { commit }), commit }
      },
      reject: (error) => void (outcome = { error }),
    })
    this.#flush()
    const settled = outcome!
    if ('error' in settled) throw settled.error
    return settled.commit
  }

  onCommit(listener: CommitListener): () => void {
    // Wrapped, so that one that is added twice is called twice.
    const added: CommitListener = (commits) => listener(commits)
    this.#listeners.add(added)
    return () => void this.#listeners.delete(added)
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    return this.#requests.length === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  #commit(task: () => Commit): Promise<Commit> {
    return this.#enqueue(task, (commit) => commit)
  }

  #enqueue<T>(task: () => T, commitOf: (result: T) => Commit | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#requests.length === 0) this.#options.afterTurn(() => this.#requests.length > 0 && this.#flush())
      const run: Request['run'] = () => {
        const result = task()
        return { resolve: () => resolve(result), commit: commitOf(result) }
      }
      this.#requests.push({ run, reject })
    })
  }

  #flush(): void {
    this.#isFlushing = true
    try {
      this.#flushAll()
    } finally {
      this.#isFlushing = false
    }
  }

  #flushAll(): void {
    const requests = this.#requests
    this.#requests = []
    const { writer } = this.#options
    writer.begin()
    const settle: (() => void)[] = []
    const effective: Commit[] = []
    for (const { run, reject } of requests) {
      try {
        const { resolve, commit } = run()
        if (commit !== undefined && commit.changes.length > 0) effective.push(commit)
        settle.push(resolve)
      } catch (error) {
        settle.push(() => reject(error))
      }
    }
    if (effective.length > 0) {
      writer.end()
      this.#emit(effective)
    }
    for (const done of settle) done()
    if (this.#requests.length > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #emit(commits: readonly Commit[]): void {
    // A copy: listeners come and go while they are called.
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(commits)
      } catch (error) {
        this.#options.onError(error)
      }
    }
  }
}
