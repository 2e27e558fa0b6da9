import { ClosedError } from '@tidemark/core'
import { fixed } from '../journal/arguments.ts'
import { JournalHead } from '../journal/journal-head.ts'
import { JournalView } from '../journal/journal-view.ts'
import { takesTransactions } from '../journal/replay-target.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import type { JournalTransaction } from '../journal/record.ts'
import { WriterLease } from '../journal/writer-lease.ts'
import { drawSeed } from '../random.ts'
import { Snapshots, type StateAt } from '../snapshot/snapshots.ts'
import type { DeepReadonly } from './deep-readonly.ts'
import type { Memory } from './memory.ts'
import { type PrevalentOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import type { Recovery } from './recovery.ts'
import { Snapshotter } from './snapshotter.ts'
import { startUp } from './start-up.ts'
import type { TransactionFunction } from './transaction.ts'
import { wallTime } from '../wall-time.ts'

type Arguments<F> = F extends (transaction: never, ...args: infer A) => unknown ? A : never
type Result<F> = F extends (...args: never) => infer R ? R : never

/**
 * State in memory that transactions change, each of which is journaled before anybody sees what it did. Reads are reads of
 * memory; one process at a time writes.
 */
export class Prevalent<S, T extends Record<string, TransactionFunction<S>>> implements AsyncDisposable {
  readonly recovery: Recovery
  /** What was executed, as far back as it is kept. */
  readonly journal: JournalView
  readonly #options: ResolvedOptions
  readonly #memory: Memory
  readonly #writer: JournalWriter<StateAt>
  readonly #snapshotter: Snapshotter
  readonly #lease: WriterLease
  #isExecuting = false
  #closing: Promise<void> | undefined

  constructor(parts: {
    readonly options: ResolvedOptions
    readonly memory: Memory
    readonly snapshots: Snapshots
    readonly lease: WriterLease
    readonly head: JournalHead
    readonly recovery: Recovery
  }) {
    const { options, memory, snapshots, lease, head, recovery } = parts
    const { back, name } = options
    this.recovery = recovery
    this.#options = options
    this.#memory = memory
    this.#lease = lease
    const claim = (): Promise<void> => this.#writer.claim()
    this.#snapshotter = new Snapshotter({ options, snapshots, lease, claim, last: recovery.snapshot })
    this.journal = new JournalView(back, name)
    takesTransactions(this, ({ name: transaction, args, at, seed }) =>
      this.#execute(
        transaction,
        args,
        () => at,
        () => seed,
      ),
    )
    this.#writer = new JournalWriter({
      back,
      name,
      lease,
      head,
      last: memory.durable.number,
      follower: {
        groupEnded: () => memory.groupEnded(),
        committed: (mark) => {
          memory.committed(mark)
          this.#snapshotter.committed(mark)
        },
        rolledBack: () => memory.rolledBack(),
      },
    })
  }

  /** The state after every acknowledged transaction. A value that never changes: what comes next is another one. */
  get state(): DeepReadonly<S> {
    return this.#memory.durable.root as DeepReadonly<S>
  }

  /** The number of the last transaction in {@link state}. */
  get number(): number {
    return this.#memory.durable.number
  }

  /**
   * Executes a transaction. Resolves with what its function returned, when it is durable, and {@link state} shows it.
   * Transactions take effect in the order of the calls. The arguments are taken as they are now.
   *
   * @throws what the function throws: then nothing happened, and nothing is journaled. TypeError for a transaction that
   * there is not, and for what it cannot put into a state; TidemarkError UNENCODABLE, DISK_FULL, READ_ONLY, BUSY, LEASE_LOST,
   * after all of which the state is what it was; IO, after which it is that of the journal; ClosedError
   */
  execute<N extends keyof T & string>(name: N, ...args: Arguments<T[N]>): Promise<Result<T[N]>> {
    const { clock, random } = this.#options
    const now = (): number => wallTime(clock)
    return this.#execute(name, args, now, () => drawSeed(random)) as Promise<Result<T[N]>>
  }

  /**
   * Takes a snapshot of the state as it is now. Transactions go on meanwhile.
   * @throws TidemarkError DISK_FULL, READ_ONLY, BUSY, LEASE_LOST, IO
   */
  async snapshot(): Promise<void> {
    if (this.#closing !== undefined) throw new ClosedError(this.#options.name)
    await this.#snapshotter.take(() => this.#memory.durable)
  }

  /** Lets what is under way finish. The store stays open. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #execute(name: string, args: readonly unknown[], now: () => number, draw: () => number): Promise<unknown> {
    // At once, so that the transaction that does it fails.
    if (this.#isExecuting) throw new TypeError('a transaction cannot execute another one; call its function')
    return new Promise((resolve, reject) => {
      const { transactions, back } = this.#options
      if (this.#closing !== undefined) throw new ClosedError(this.#options.name)
      if (!Object.hasOwn(transactions, name)) {
        throw new TypeError(`there is no transaction ${name}; there is ${Object.keys(transactions).join(', ')}`)
      }
      const recorded = fixed(args, back.codec)
      const seed = draw()
      let result: unknown
      const attempt = (number: number): JournalTransaction => {
        const at = Math.max(this.#memory.tip.at, now())
        this.#isExecuting = true
        try {
          result = this.#memory.execute(name, recorded.read(), { now: at, seed })
        } finally {
          this.#isExecuting = false
        }
        return { number, name, args: recorded.read(), at, seed, check: this.#memory.tip.hash.check }
      }
      const byteLength = name.length + recorded.byteLength
      this.#writer.append({ byteLength, attempt, resolve: () => resolve(result), reject })
    })
  }

  async #close(): Promise<void> {
    await this.#writer.close()
    await this.#snapshotter.idle()
    await this.#lease.release()
  }
}

/**
 * Opens a prevalent system, or begins one. When it resolves, the state is there: of the newest snapshot that is whole, and
 * the journal behind it.
 *
 * @throws TypeError or RangeError for a wrong option; TidemarkError ANOTHER_WRITER, TRANSACTION_UNKNOWN, STATE_DIVERGED; CORRUPT
 * when no snapshot is whole; what the store fails with
 */
export async function prevalent<S, const T extends Record<string, TransactionFunction<S>>>(
  options: PrevalentOptions<S, T>,
): Promise<Prevalent<S, T>> {
  const resolved = resolveOptions(options)
  const { back, name, clock, leaseMs, keepSnapshots: keep } = resolved
  const lease = await WriterLease.take({ back, clock, name, leaseMs })
  try {
    const snapshots = new Snapshots({ back, name, keep })
    const head = await JournalHead.read(back, name, resolved.recover)
    lease.retakeIf(() => head.isUntouched())
    const { memory, recovery } = await lease.during(() =>
      startUp({ options: resolved, snapshots, writer: lease, head }),
    )
    return new Prevalent<S, T>({ options: resolved, memory, snapshots, lease, head, recovery })
  } catch (error) {
    await lease.release()
    throw error
  }
}
