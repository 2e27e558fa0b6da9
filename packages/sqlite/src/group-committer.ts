import {
  afterTurn,
  assertOutside,
  type Clock,
  type Commit,
  type Proposal,
  TidemarkError,
  wholeAtLeast,
} from '@tidemark/core'
import type { CommitGroup } from './commit-group.ts'
import type { Outcome, Request, Transaction } from './group-request.ts'
import type { FileIdentity } from './file-identity.ts'
import { type ErrorContext, isBusy, toTidemarkError } from './sqlite-errors.ts'

/** Longest pause before asking for the lock again. Short, since other writers hold it for about a millisecond. */
const MAX_PAUSE_MS = 4

/** Errors of the disk: splitting a group and trying again would only repeat them, or do worse. */
const DISK_ERRORS: readonly unknown[] = ['IO', 'CORRUPT', 'READ_ONLY']

/** Both settle the request's own promise; what is resolved with is what its kind of request comes to. */
interface Waiting {
  readonly request: Request
  readonly since: number
  readonly resolve: (outcome: never) => void
  readonly reject: (error: unknown) => void
}

export interface GroupCommitterOptions extends ErrorContext {
  readonly clock: Clock
  readonly identity: FileIdentity
  readonly busyTimeoutMs: number
  /** See SqliteBackOptions. */
  readonly maxGroup: number
  readonly minGroup: number
  /** Called after a transaction became durable and before its callers learn of it; must not throw. */
  readonly onCommitted: (commits: readonly Commit[]) => void
}

/**
 * Gathers what is asked for in one turn of the event loop and commits it together, so that one sync of the disk serves
 * many callers. While another process holds the lock, requests wait here and not in SQLite, which would block the thread.
 */
export class GroupCommitter {
  readonly #group: CommitGroup
  readonly #options: GroupCommitterOptions
  #queue: Waiting[] = []
  #unsettled = 0
  #scheduled = false
  #isCommitting = false
  #idle: (() => void)[] = []

  constructor(group: CommitGroup, options: GroupCommitterOptions) {
    this.#group = group
    this.#options = options
  }

  propose(proposal: Proposal): Promise<Commit> {
    check(proposal)
    return this.#enqueue({ kind: 'proposal', proposal })
  }

  /**
   * In the calling turn, after what waits already. Blocks while another process holds the lock.
   * @throws what `decide` throws; TypeError inside of a decision or a commit listener
   */
  proposeNow(proposal: Proposal): Commit {
    assertOutside(this.#isCommitting)
    check(proposal)
    let outcome: { readonly commit: Commit } | { readonly error: unknown } | undefined
    const waiting: Waiting = {
      request: { kind: 'proposal', proposal },
      since: this.#options.clock.monotonic(),
      resolve: (commit: never) => void (outcome = { commit }),
      reject: (error) => void (outcome = { error }),
    }
    this.#unsettled += 1
    let left: readonly Waiting[] = [...this.#queue, waiting]
    this.#queue = []
    while ((left = this.#commit(left)).length > 0) blockFor(Math.random() * MAX_PAUSE_MS)
    if (this.#queue.length === 0) this.#rest()
    const settled = outcome!
    if ('error' in settled) throw settled.error
    return settled.commit
  }

  expire(limit: number): Promise<Commit> {
    return this.#enqueue({ kind: 'expire', limit })
  }

  /** Does something that is no change of the log, in its place among the commits, and as durably. */
  perform<T>(task: (transaction: Transaction) => T): Promise<T> {
    return this.#enqueue({ kind: 'task', task })
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    return this.#unsettled === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  #enqueue<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, since: this.#options.clock.monotonic(), resolve, reject })
      this.#unsettled += 1
      this.#scheduleFlush()
    })
  }

  #scheduleFlush(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    afterTurn(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const queue = this.#queue
    this.#queue = []
    const { minGroup, maxGroup } = this.#options
    const size = Math.min(maxGroup, Math.max(minGroup, Math.ceil(queue.length / 2)))
    const left = this.#commit(queue.slice(0, size))
    const busy = left.length > 0
    // Commit listeners may have asked for more by now: that comes after what waits already.
    this.#queue = [...left, ...queue.slice(size), ...this.#queue]
    if (busy) this.#retryLater()
    else if (this.#queue.length > 0) this.#scheduleFlush()
    else this.#rest()
  }

  /** @returns what could not be tried because another process holds the lock */
  #commit(group: readonly Waiting[]): readonly Waiting[] {
    const isOuter = !this.#isCommitting
    this.#isCommitting = true
    try {
      return this.#commitParts(group)
    } finally {
      if (isOuter) this.#isCommitting = false
    }
  }

  #commitParts(group: readonly Waiting[]): readonly Waiting[] {
    let from = 0
    while (from < group.length) {
      const part = group.slice(from)
      let outcomes: readonly Outcome[]
      try {
        this.#options.identity.assertInPlace()
        outcomes = this.#group.run(part.map(({ request }) => request))
      } catch (error) {
        if (isBusy(error)) return this.#giveUpOld(part, error)
        return this.#isolate(part, toTidemarkError(error, this.#options))
      }
      this.#settle(part, outcomes)
      from += outcomes.length
    }
    return []
  }

  #settle(group: readonly Waiting[], outcomes: readonly Outcome[]): void {
    const commits: Commit[] = []
    for (const outcome of outcomes)
      if ('commit' in outcome && outcome.commit.changes.length > 0) commits.push(outcome.commit)
    if (commits.length > 0) this.#options.onCommitted(commits)
    this.#unsettled -= outcomes.length
    for (const [i, outcome] of outcomes.entries()) {
      if ('commit' in outcome) group[i]!.resolve(outcome.commit as never)
      else if ('result' in outcome) group[i]!.resolve(outcome.result as never)
      else group[i]!.reject(outcome.error)
    }
  }

  /** Tries the halves of a group that failed as a whole, so that one request (too large for the disk, say) fails alone. */
  #isolate(group: readonly Waiting[], error: unknown): readonly Waiting[] {
    if (group.length === 1 || (error instanceof TidemarkError && DISK_ERRORS.includes(error.code))) {
      this.#fail(group, error)
      return []
    }
    const middle = Math.ceil(group.length / 2)
    const left = this.#commit(group.slice(0, middle))
    return left.length > 0 ? [...left, ...group.slice(middle)] : this.#commit(group.slice(middle))
  }

  #giveUpOld(group: readonly Waiting[], cause: unknown): readonly Waiting[] {
    const { clock, busyTimeoutMs, file, name: tier } = this.#options
    const since = clock.monotonic() - busyTimeoutMs
    const message = `another process has kept ${file} locked for ${busyTimeoutMs} ms; try again, or raise busyTimeoutMs`
    const tired = group.filter((waiting) => waiting.since <= since)
    if (tired.length > 0) this.#fail(tired, new TidemarkError('BUSY', message, { tier, cause, retryable: true }))
    return group.filter((waiting) => waiting.since > since)
  }

  #fail(group: readonly Waiting[], error: unknown): void {
    this.#unsettled -= group.length
    for (const waiting of group) waiting.reject(error)
  }

  #retryLater(): void {
    this.#scheduled = true
    // Slept and not scheduled, which would let the process end with a write still waiting.
    void this.#options.clock.sleep(Math.random() * MAX_PAUSE_MS).then(() => this.#flush())
  }

  #rest(): void {
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }
}

/** Fails for a key that is too long, here and not for the whole group. */
function check({ reads, marks, notBefore }: Proposal): void {
  for (const key of reads) void key.bytes
  if (typeof marks !== 'function') for (const { key } of marks ?? []) void key.bytes
  if (notBefore !== undefined) wholeAtLeast('notBefore', notBefore, 0)
}

function blockFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
