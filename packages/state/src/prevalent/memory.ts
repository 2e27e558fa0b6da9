import { TidemarkError } from '@tidemark/core'
import { Owned } from '../draft/owned.ts'
import type { Follower } from '../journal/journal-writer.ts'
import { unknownTransaction } from '../journal/journal-view.ts'
import type { JournalTransaction } from '../journal/record.ts'
import type { StateAt } from '../snapshot/snapshots.ts'
import { runTransaction, type TransactionFunction } from './transaction.ts'

export type TransactionFunctions = Readonly<Record<string, TransactionFunction<never>>>

/**
 * The state in memory, twice: as it is durably, which readers see, and as the transactions that are on their way make it.
 * Both share what has not changed between them.
 */
export class Memory implements Follower<StateAt> {
  readonly #name: string
  readonly #functions: TransactionFunctions
  #durable: StateAt
  #tip: StateAt
  #owned: Owned

  /** @param start which nobody else has: it is changed where it is, until the first group ends */
  constructor(name: string, functions: TransactionFunctions, start: StateAt) {
    this.#name = name
    this.#functions = functions
    this.#durable = start
    this.#tip = start
    this.#owned = new Owned(true)
  }

  /** Never changes: the next state is another one. */
  get durable(): StateAt {
    return this.#durable
  }

  get tip(): StateAt {
    return this.#tip
  }

  /**
   * @param isTold whether anybody gets what the function returns
   * @throws what the function throws; the state is as it was then
   */
  execute(
    name: string,
    args: readonly unknown[],
    circumstances: { readonly now: number; readonly seed: number },
    isTold = true,
  ): unknown {
    const { number: last } = this.#tip
    const { now, seed } = circumstances
    const number = last + 1
    const { root, hash, result } = runTransaction(this.#functions[name]!, this.#tip, {
      owned: this.#owned,
      args,
      circumstances: { number, now, seed },
      isTold,
    })
    this.#tip = { root, hash, number, at: now }
    return result
  }

  /**
   * Does again what the journal says.
   * @throws TidemarkError TRANSACTION_UNKNOWN, STATE_DIVERGED
   */
  replay({ number, name, args, at, seed, check }: JournalTransaction): void {
    if (!Object.hasOwn(this.#functions, name)) {
      throw unknownTransaction(this.#name, number, name)
    }
    try {
      this.execute(name, args, { now: at, seed }, false)
    } catch (cause) {
      throw this.#diverged(number, name, 'throws now', cause)
    }
    if (check !== undefined && check !== this.#tip.hash.check) {
      throw this.#diverged(number, name, 'comes to another state than when it was executed')
    }
  }

  groupEnded(): StateAt {
    this.#owned.lock(this.#tip.root)
    return this.#tip
  }

  committed(mark: StateAt): void {
    this.#durable = mark
  }

  rolledBack(): void {
    this.#tip = this.#durable
    this.#owned = new Owned()
  }

  #diverged(number: number, name: string, what: string, cause?: unknown): TidemarkError {
    return new TidemarkError(
      'STATE_DIVERGED',
      `transaction ${number} of ${this.#name}, '${name}', ${what}: either its function was changed, or it depends on something else than the state, its arguments, now and random`,
      { key: this.#name, cause },
    )
  }
}
