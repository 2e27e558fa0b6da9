import { assertKnown, type Back, between, callback, type Clock, clockOption, oneOf, wholeBetween } from '@tidemark/core'
import { type AnyStore, backIn, checkName } from '../store-option.ts'
import type { TransactionFunctions } from './memory.ts'
import type { TransactionFunction } from './transaction.ts'

/** What an asynchronous function among transactions has to be, which it is not: it could not be replayed. */
export type Synchronous<T> = {
  readonly [N in keyof T]: T[N] extends (...args: never) => PromiseLike<unknown>
    ? 'a transaction is not async'
    : unknown
}

export interface PrevalentOptions<S, T extends Record<string, TransactionFunction<S>>> {
  readonly store: AnyStore
  /** Of the journal and the snapshots: one system has one name in its store. */
  readonly name: string
  /** The state before the first transaction; asked for once, when there is nothing under this name. */
  readonly initial: S | (() => S)
  /** What can be executed, by name. A name is in the journal for good, and means for good what it meant then. */
  readonly transactions: T & Synchronous<T>
  /** A snapshot is taken after so many transactions; 0: only on demand. @default 10_000 */
  readonly snapshotEvery?: number | undefined
  /** So many snapshots are kept, and the journal from the oldest of them on. 1 to 100. @default 2 */
  readonly keepSnapshots?: number | undefined
  /** `all`: the journal is never shortened, so that it can be replayed and exported from the beginning. @default 'needed' */
  readonly keepJournal?: 'needed' | 'all' | undefined
  /**
   * What becomes of transactions that cannot be replayed. `damaged`: of a record that is damaged, whoever reads it, and what
   * follows it, the state is the one before, and they are put aside; everything else is an error, and changes nothing.
   * `last-good`: so it is with transactions that diverge, or are unknown, and with records that may be whole, or are missing.
   * @default 'damaged'
   */
  readonly recover?: 'damaged' | 'last-good' | undefined
  /** For how long a process that was killed keeps others from writing, 10 to 600,000 ms. @default 5000 */
  readonly leaseMs?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** From 0 to below 1: seeds the random numbers of each transaction. @default Math.random */
  readonly random?: (() => number) | undefined
  /** Gets what a snapshot in the background failed with; it is tried again. @default it is written to the console */
  readonly onError?: ((error: unknown) => void) | undefined
}

const NAMES: readonly string[] = [
  'store',
  'name',
  'initial',
  'transactions',
  'snapshotEvery',
  'keepSnapshots',
  'keepJournal',
  'recover',
  'leaseMs',
  'clock',
  'random',
  'onError',
] satisfies (keyof PrevalentOptions<unknown, never>)[]

export interface ResolvedOptions {
  readonly back: Back
  readonly name: string
  readonly initial: unknown
  readonly transactions: TransactionFunctions
  readonly snapshotEvery: number
  readonly keepSnapshots: number
  readonly keepJournal: 'needed' | 'all'
  readonly recover: 'damaged' | 'last-good'
  readonly leaseMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly onError: (error: unknown) => void
}

/** @throws TypeError or RangeError that names the option and what is allowed */
export function resolveOptions<S, T extends Record<string, TransactionFunction<S>>>(
  options: PrevalentOptions<S, T>,
): ResolvedOptions {
  assertKnown(options, NAMES)
  const { transactions } = options
  if (typeof transactions !== 'object' || transactions === null) {
    throw new TypeError('option transactions must be an object of functions')
  }
  for (const [name, fn] of Object.entries(transactions)) callback(`transaction ${name}`, fn)
  return Object.freeze({
    back: backIn(options.store),
    name: checkName(options.name),
    initial: options.initial,
    transactions: Object.freeze({ ...transactions }),
    snapshotEvery: wholeBetween('option snapshotEvery', options.snapshotEvery ?? 10_000, 0, Number.MAX_SAFE_INTEGER),
    keepSnapshots: wholeBetween('option keepSnapshots', options.keepSnapshots ?? 2, 1, 100),
    keepJournal: oneOf('option keepJournal', options.keepJournal ?? 'needed', ['needed', 'all']),
    recover: oneOf('option recover', options.recover ?? 'damaged', ['damaged', 'last-good']),
    leaseMs: between('option leaseMs', options.leaseMs ?? 5_000, 10, 600_000),
    clock: clockOption(options.clock),
    random: callback('option random', options.random ?? Math.random),
    onError: callback('option onError', options.onError ?? toConsole),
  })
}

function toConsole(error: unknown): void {
  console.error('tidemark: a snapshot in the background failed:', error)
}
