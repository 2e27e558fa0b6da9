import { assertKnown, type Back, between, callback, type Clock, clockOption, oneOf } from '@tidemark/core'
import { type AnyStore, backIn, checkName } from '../store-option.ts'

export interface JournalOptions {
  readonly store: AnyStore
  /** Of this journal in its store. */
  readonly name: string
  /** For how long a process that was killed keeps others from writing, 10 to 600,000 ms. @default 5000 */
  readonly leaseMs?: number | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** From 0 to below 1: seeds the random numbers of each transaction. @default Math.random */
  readonly random?: (() => number) | undefined
  /**
   * What becomes of records at the end that cannot be read. `damaged`: only what is damaged, whoever reads it, is put aside;
   * everything else is an error, and changes nothing. `last-good`: so is what may be whole, and what is missing is done without.
   * @default 'damaged'
   */
  readonly recover?: 'damaged' | 'last-good' | undefined
}

export interface ResolvedJournalOptions {
  readonly back: Back
  readonly name: string
  readonly leaseMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly recover: 'damaged' | 'last-good'
}

/** @throws TypeError or RangeError that names the option and what is allowed */
export function resolveJournalOptions(options: JournalOptions): ResolvedJournalOptions {
  assertKnown(options, ['store', 'name', 'leaseMs', 'clock', 'random', 'recover'] satisfies (keyof JournalOptions)[])
  return Object.freeze({
    back: backIn(options.store),
    name: checkName(options.name),
    leaseMs: between('option leaseMs', options.leaseMs ?? 5_000, 10, 600_000),
    clock: clockOption(options.clock),
    random: callback('option random', options.random ?? Math.random),
    recover: oneOf('option recover', options.recover ?? 'damaged', ['damaged', 'last-good']),
  })
}
