import { afterTurn, ClosedError, type Codec, Payload, type Write } from '@tidemark/core'
import { JournalWriter } from '../journal/journal-writer.ts'
import { recordsOf, recordKey } from '../journal/journal-keys.ts'
import type { JournalTransaction } from '../journal/record.ts'
import { WriterLease } from '../journal/writer-lease.ts'
import { Snapshots, type StateAt } from '../snapshot/snapshots.ts'
import type { Memory } from './memory.ts'
import { type PrevalentOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import type { Recovery } from './recovery.ts'
import { startUp } from './start-up.ts'
import type { TransactionFunction } from './transaction.ts'

type Arguments<F> = F extends (transaction: never, ...args: infer A) => unknown ? A : never
type Result<F> = F extends (...args: never) => infer R ? R : never

/** Journal records that are removed per commit. */
const BATCH = 200

/**
 * State in memory that transactions change, each of which is journaled before anybody sees what it did. Reads are reads of
 * memory; one process at a time writes.
 */
export class Prevalent<S, T extends Record<string, TransactionFunction<S>>> implements AsyncDisposable {
  readonly recovery: Recovery
  readonly #options: ResolvedOptions
  readonly #memory: Memory
  readonly #writer: JournalWriter<StateAt>
  readonly #snapshots: Snapshots
  readonly #lease: WriterLease
  #lastSnapshot: number
  #snapshot: Promise<void> | undefined
  #isExecuting = false
  #closing: Promise<void> | undefined

  constructor(parts: {
    readonly options: ResolvedOptions
    readonly memory: Memory
    readonly snapshots: Snapshots
    readonly lease: WriterLease
    readonly recovery: Recovery
  }) {
    const { options, memory, snapshots, lease, recovery } = parts
    const { back, name } = options
    this.recovery = recovery
    this.#options = options
    this.#memory = memory
    this.#snapshots = snapshots
    this.#lease = lease
    this.#lastSnapshot = recovery.snapshot
    this.#writer = new JournalWriter({
      back,
      name,
      lease,
      last: memory.durable.number,
      follower: {
        groupEnded: () => memory.groupEnded(),
        committed: (mark) => this.#committed(mark),
        rolledBack: () => memory.rolledBack(),
      },
    })
  }

  /** The state after every acknowledged transaction. A value that never changes: what comes next is another one. */
  get state(): S {
    return this.#memory.durable.root as S
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
    return new Promise((resolve, reject) => {
      const { transactions, back, random } = this.#options
      if (this.#closing !== undefined) throw new ClosedError(this.#options.name)
      if (this.#isExecuting) throw new TypeError('a transaction cannot execute another one; call its function')
      if (!Object.hasOwn(transactions, name)) {
        throw new TypeError(`there is no transaction ${name}; there is ${Object.keys(transactions).join(', ')}`)
      }
      const recorded = argumentsOf(args, back.codec)
      const seed = Math.floor(random() * 0x1_0000_0000)
      let result: unknown
      this.#writer.append({
        attempt: (number) => {
          const transaction = this.#attempt(number, name, recorded, seed)
          result = transaction.result
          return transaction
        },
        resolve: () => resolve(result as Result<T[N]>),
        reject,
      })
    })
  }

  /**
   * Takes a snapshot of the state as it is now. Transactions go on meanwhile.
   * @throws TidemarkError DISK_FULL, READ_ONLY, BUSY, LEASE_LOST, IO
   */
  async snapshot(): Promise<void> {
    if (this.#closing !== undefined) throw new ClosedError(this.#options.name)
    while (this.#snapshot !== undefined) await this.#snapshot.catch(() => undefined)
    await this.#take()
  }

  /** Lets what is under way finish. The store stays open. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #attempt(
    number: number,
    name: string,
    recorded: () => readonly unknown[],
    seed: number,
  ): JournalTransaction & { readonly result: unknown } {
    const { clock } = this.#options
    const at = Math.max(this.#memory.tip.at, Math.floor(clock.now()))
    this.#isExecuting = true
    try {
      const result = this.#memory.execute(name, recorded(), { now: at, seed })
      return { number, name, args: recorded(), at, seed, check: this.#memory.tip.hash.check, result }
    } finally {
      this.#isExecuting = false
    }
  }

  /** The state that was just made durable; what was to be done about it waits for nobody. */
  #committed(mark: StateAt): void {
    this.#memory.committed(mark)
    const { snapshotEvery, onError } = this.#options
    if (snapshotEvery === 0 || mark.number - this.#lastSnapshot < snapshotEvery || this.#snapshot !== undefined) return
    // Not now: callers are about to be told.
    void this.#take().catch(onError)
  }

  #take(): Promise<void> {
    const state = this.#memory.durable
    const before = this.#lastSnapshot
    this.#lastSnapshot = state.number
    this.#snapshot = this.#takeOf(state)
      .catch((error: unknown) => {
        // The next transaction asks for it again, unless a later one was taken.
        if (this.#lastSnapshot === state.number) this.#lastSnapshot = before
        throw error
      })
      .finally(() => (this.#snapshot = undefined))
    return this.#snapshot
  }

  async #takeOf(state: StateAt): Promise<void> {
    const { lease } = this.#lease
    if ((await this.#snapshots.numbers()).includes(state.number)) return
    const oldest = await this.#snapshots.take(state, lease)
    await this.#snapshots.collect(lease)
    if (this.#options.keepJournal === 'needed') await this.#shorten(oldest)
  }

  /** Removes what lies behind the oldest snapshot, the oldest first: what is left is always without a gap. */
  async #shorten(oldest: number): Promise<void> {
    const { back, name } = this.#options
    const end = recordKey(name, oldest + 1).bytes
    const { start } = recordsOf(name)
    for (;;) {
      const { entries } = await back.scan({ start, end }, { after: undefined, limit: BATCH, reverse: false })
      if (entries.length === 0) return
      const writes = entries.map(({ key }): Write => ({ op: 'delete', key }))
      await back.commit({ reads: [], lease: this.#lease.lease, keepLease: true, decide: () => writes })
      await new Promise<void>((resolve) => afterTurn(resolve))
    }
  }

  async #close(): Promise<void> {
    await this.#writer.close()
    await this.#snapshot?.catch(() => undefined)
    await this.#lease.release()
  }
}

/** As they are now, again and again: neither the caller nor the function can change what is journaled. */
function argumentsOf(args: readonly unknown[], codec: Codec): () => readonly unknown[] {
  if (
    args.every(
      (arg) => arg === null || (typeof arg !== 'object' && typeof arg !== 'function' && typeof arg !== 'symbol'),
    )
  ) {
    return () => args
  }
  const payload = Payload.encode(codec, args)
  return () => payload.decode() as readonly unknown[]
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
    await snapshots.collect(lease.lease)
    const { memory, recovery } = await startUp(resolved, snapshots, lease.lease)
    return new Prevalent<S, T>({ options: resolved, memory, snapshots, lease, recovery })
  } catch (error) {
    await lease.release()
    throw error
  }
}
