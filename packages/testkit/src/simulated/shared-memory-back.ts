import {
  type Back,
  type Clock,
  ClosedError,
  type Codec,
  type Commit,
  type CommitListener,
  type Compaction,
  type Found,
  type FrontAgreements,
  type KeyPage,
  type KeyRange,
  type Leases,
  type Log,
  type LogPage,
  type Marks,
  type Proposal,
  type Renewal,
  type ScanOptions,
  type ScanPage,
  type StoreKey,
} from '@tidemark/core'
import { flawedAnswers, flawedProposal } from './flawed-back.ts'
import type { CommitOwner, OpenSharedMemory, SharedData } from './shared-data.ts'

/** One process's own view of a shared back tier: its origin, its listeners, its time. Made by SharedMemory. */
export class SharedMemoryBack implements Back, CommitOwner {
  readonly name: string
  readonly codec: Codec
  readonly origin: string
  readonly log: Log
  readonly agreements: FrontAgreements
  readonly leases: Leases
  readonly marks: Marks
  readonly compaction: Compaction
  readonly renewal: Renewal
  readonly sync = undefined
  readonly readOptions: readonly string[]
  readonly writeOptions: readonly string[]
  readonly #memory: SharedData
  readonly #clock: Clock
  readonly #delayMs: () => number
  readonly #onError: (error: unknown) => void
  readonly #listeners = new Set<CommitListener>()
  readonly #views = new WeakMap<Commit, Promise<Commit>>()
  readonly #originals = new WeakMap<Proposal, Proposal>()
  readonly #inFlight = new Set<Promise<unknown>>()
  readonly #stop = new AbortController()
  #delivered: Promise<unknown> = Promise.resolve()

  constructor(memory: SharedData, options: OpenSharedMemory) {
    const { origin, clock, delayMs = () => 0, sync = true, onError = throwLater } = options
    const { base, leases } = memory
    this.#onError = onError
    this.#memory = memory
    this.#clock = clock
    this.#delayMs = delayMs
    this.origin = origin
    this.name = base.name
    this.codec = base.codec
    this.readOptions = base.readOptions
    this.writeOptions = base.writeOptions
    this.log = this.#logView(sync)
    this.agreements = {
      sample: (front) => this.#soon(() => base.agreements.sample(front)),
      change: (front, term, next) => this.#later(() => base.agreements.change(front, term, next)),
    }
    this.leases = {
      acquire: (key, ttlMs) => this.#later(() => leases.acquire(key, ttlMs)),
      remaining: (keys) => this.#later(() => leases.remaining(keys)),
      renew: (lease, ttlMs) => this.#later(() => leases.renew(lease, ttlMs)),
      release: (lease) => this.#later(() => leases.release(lease)),
      endRange: (range) => this.#later(() => leases.endRange(range)),
    }
    const { marks, compaction } = base
    this.marks = {
      read: (keys) => this.#later(() => marks.read(keys)),
      scan: (range, page) => this.#later(() => marks.scan(range, page)),
      write: (writes, lease) => this.#later(() => marks.write(writes, lease)),
    }
    this.renewal = base.renewal
    this.compaction = {
      compact: (bounds) => this.#later(() => compaction.compact(bounds)),
      sizeOf: (after, upTo) => this.#later(() => compaction.sizeOf(after, upTo)),
      reclaim: (bytes) => this.#later(() => compaction.reclaim(bytes)),
    }
  }

  readOne(key: StoreKey): Found | Promise<Found> {
    return this.#soon(() => this.#memory.base.readOne(key))
  }

  read(keys: readonly StoreKey[]): Promise<readonly Found[]> {
    const { base, flaws } = this.#memory
    return this.#later(() => base.read(keys).then((found) => flawedAnswers(keys, found, flaws)))
  }

  commit(proposal: Proposal): Promise<Commit> {
    const own: Proposal = {
      ...flawedProposal(proposal, this.#memory.flaws),
      decide: (current) => proposal.decide(current),
    }
    this.#originals.set(own, proposal)
    this.#memory.own(own, this)
    return this.#committed(() => this.#memory.base.commit(own))
  }

  expire(limit: number): Promise<Commit> {
    return this.#committed(() => this.#memory.expire(limit, this))
  }

  scan(range: KeyRange, options: ScanOptions): Promise<ScanPage> {
    return this.#later(() => this.#memory.base.scan(range, options))
  }

  scanKeys(range: KeyRange, options: ScanOptions): Promise<KeyPage> {
    return this.#later(() => this.#memory.base.scanKeys(range, options))
  }

  count(range: KeyRange): Promise<number> {
    return this.#later(() => this.#memory.base.count(range))
  }

  restored(): Promise<void> {
    return this.#later(() => this.#memory.base.restored())
  }

  onCommit(listener: CommitListener): () => void {
    this.#assertOpen()
    const added: CommitListener = (commits) => listener(commits)
    this.#listeners.add(added)
    return () => void this.#listeners.delete(added)
  }

  async close(): Promise<void> {
    if (!this.#stop.signal.aborted) this.#stop.abort(new ClosedError())
    await Promise.allSettled(this.#inFlight)
  }

  /** What this process committed is durable; it comes to know that a while later, group by group in the order of the log. */
  deliver(commits: readonly Commit[]): void {
    const views = commits.map((commit) => this.#view(commit))
    const tell = (): void => {
      for (const listener of Array.from(this.#listeners)) {
        try {
          listener(views)
        } catch (error) {
          this.#onError(error)
        }
      }
    }
    const delayMs = this.#delayMs()
    const earlier = this.#delivered
    if (delayMs === 0) tell()
    const delivered = delayMs === 0 ? earlier : Promise.all([earlier, this.#clock.sleep(delayMs)]).then(tell)
    this.#delivered = delivered
    for (const [i, commit] of commits.entries()) {
      this.#views.set(
        commit,
        delivered.then(() => views[i]!),
      )
    }
  }

  #logView(sync: boolean): Log {
    const { log } = this.#memory.base
    const signed = (page: LogPage): LogPage => ({
      head: page.head,
      changes: page.changes.map((change) => this.#memory.signed(change)),
    })
    const check = <T>(answer: () => T): T => {
      this.#assertOpen()
      return answer()
    }
    return {
      get identity() {
        return log.identity
      },
      head: () => this.#later(() => log.head()),
      floor: () => this.#later(() => log.floor()),
      read: (options) => this.#later(() => log.sync.read(options)).then(signed),
      at: (seqs) =>
        this.#later(() => log.at(seqs)).then((found) => found.map((change) => change && this.#memory.signed(change))),
      seqBefore: (at) => this.#later(() => log.seqBefore(at)),
      changesOf: async (key, options) => {
        const { changes, end } = await this.#later(() => log.changesOf(key, options))
        return { changes: changes.map((change) => this.#memory.signed(change)), end }
      },
      wait: async (after, signal) => {
        this.#assertOpen()
        await log.wait(after, AbortSignal.any([signal, this.#stop.signal]))
        await this.#clock.sleep(this.#delayMs())
      },
      nudge: () => log.nudge(),
      sync: sync
        ? {
            head: () => check(() => log.sync.head()),
            read: (options) => check(() => signed(log.sync.read(options))),
          }
        : undefined,
    }
  }

  #committed(work: () => Promise<Commit>): Promise<Commit> {
    return this.#tracked(this.#commit(work))
  }

  async #commit(work: () => Promise<Commit>): Promise<Commit> {
    const commit = await this.#later(work, 'keep the way back')
    return (await this.#views.get(commit)) ?? this.#view(commit)
  }

  #view(commit: Commit): Commit {
    const { changes, proposal } = commit
    return {
      ...commit,
      changes: changes.map((change) => this.#memory.signed(change)),
      proposal: proposal && this.#originals.get(proposal),
    }
  }

  /** At once, where it takes no time. */
  #soon<T>(work: () => T | Promise<T>): T | Promise<T> {
    this.#assertOpen()
    const before = this.#delayMs()
    return before === 0 ? work() : this.#wait(before, work, this.#delayMs())
  }

  #later<T>(work: () => T | Promise<T>, back?: 'keep the way back'): Promise<T> {
    if (this.#stop.signal.aborted) return Promise.reject(new ClosedError())
    return this.#wait(this.#delayMs(), work, back === undefined ? this.#delayMs() : 0)
  }

  #wait<T>(before: number, work: () => T | Promise<T>, after: number): Promise<T> {
    const doing = async (): Promise<T> => {
      if (before > 0) await this.#clock.sleep(before)
      const answer = await work()
      if (after > 0) await this.#clock.sleep(after)
      return answer
    }
    return this.#tracked(doing())
  }

  /** Closing waits for it. */
  #tracked<T>(call: Promise<T>): Promise<T> {
    this.#inFlight.add(call)
    const settled = (): void => void this.#inFlight.delete(call)
    call.then(settled, settled)
    return call
  }

  #assertOpen(): void {
    if (this.#stop.signal.aborted) throw new ClosedError()
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
