import { type Back, type Clock, type Commit, type Log, type Proposal, Store, TidemarkError } from '@tidemark/core'
import type { ManualClock } from '@tidemark/testkit'
import {
  createTiered,
  type TieredBack,
  type TieredReadOptions,
  type TieredWriteOptions,
  type WriteBehindOptions,
} from '../../../src/index.ts'

/** What a commit is about, as far as write-behind is concerned. */
export type CommitKind = 'append' | 'flush' | 'other'

/** `refuse`: nothing is done · `lose`: it is done, and its reply is lost */
export type Fault = 'refuse' | 'lose'

/** One process with a tiered store that writes behind, over a back tier that outlives it. */
export class Process {
  readonly tiers: TieredBack
  readonly store: Store<TieredReadOptions, TieredWriteOptions>
  readonly errors: unknown[] = []
  readonly commits: CommitKind[] = []
  readonly #origin = crypto.randomUUID()
  /** What it has committed itself. */
  readonly #seqs = new Set<number>()
  readonly #faults: { readonly kind: CommitKind; readonly fault: Fault | Error }[] = []
  #isDead = false
  #paused: (() => void)[] | undefined

  constructor(back: Back, clock: ManualClock, options: WriteBehindOptions = {}) {
    this.tiers = createTiered({
      back: this.#over(back),
      writePolicy: 'write-behind',
      writeBehind: options,
      clock: this.#clockOver(clock),
      random: () => 0.5,
      onError: (error) => this.errors.push(error),
    })
    this.store = new Store(this.tiers, { clock })
  }

  /** The next commit of this kind fails. */
  fail(kind: CommitKind, fault: Fault | Error): void {
    this.#faults.push({ kind, fault })
  }

  forgive(): void {
    this.#faults.length = 0
  }

  /** As kill -9 does: nothing of it happens any more. */
  kill(): void {
    this.#isDead = true
  }

  /** As SIGSTOP does: what it asks for, and its timers, wait until it goes on. */
  pause(): void {
    this.#paused = []
  }

  resume(): void {
    const paused = this.#paused ?? []
    this.#paused = undefined
    for (const go of paused) go()
  }

  #clockOver(clock: ManualClock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms) => clock.sleep(ms),
      schedule: (ms, task) =>
        clock.schedule(ms, () => {
          if (this.#paused !== undefined) this.#paused.push(task)
          else if (!this.#isDead) task()
        }),
    }
  }

  #over(back: Back): Back {
    return new Proxy(back, {
      get: (target, name) => {
        if (name === 'commit') return (...args: Parameters<Back['commit']>) => this.#commit(target, ...args)
        if (name === 'close') return async () => {}
        if (name === 'origin') return this.#origin
        if (name === 'log') return this.#logOver(target.log)
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  /** Changes tell who has made them, as where each process has opened the file itself. */
  #logOver(log: Log): Log {
    const read: Log['read'] = async (options) => {
      const page = await log.read(options)
      const changes = page.changes.map((change) =>
        this.#seqs.has(change.seq) ? { ...change, origin: this.#origin } : change,
      )
      return { ...page, changes }
    }
    return new Proxy(log, {
      get(target, name) {
        if (name === 'read') return read
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  async #commit(back: Back, ...[proposal]: Parameters<Back['commit']>): Promise<Commit> {
    if (this.#isDead) return new Promise(() => {})
    if (this.#paused !== undefined) await new Promise<void>((go) => this.#paused!.push(go))
    const kind = kindOf(proposal)
    this.commits.push(kind)
    const at = this.#faults.findIndex((each) => each.kind === kind)
    const fault = this.#faults[at]?.fault
    if (fault !== undefined && fault !== 'lose') this.#faults.splice(at, 1)
    if (fault instanceof Error) throw fault
    if (fault === 'refuse') throw new TidemarkError('DISK_FULL', 'no room', { retryable: true })
    const commit = await back.commit(proposal)
    for (const { seq } of commit.changes) this.#seqs.add(seq)
    if (fault !== undefined) this.#faults.splice(at, 1)
    if (this.#isDead) return new Promise(() => {})
    if (fault === 'lose') throw new TidemarkError('IO', 'the reply was lost')
    return commit
  }
}

function kindOf({ marks }: Proposal): CommitKind {
  if (typeof marks === 'function') return 'append'
  return marks?.some(({ key }) => key.tuple[3] === 'flushed') === true ? 'flush' : 'other'
}
