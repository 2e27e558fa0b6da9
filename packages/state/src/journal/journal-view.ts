import {
  assertKnown,
  type Back,
  callback,
  CompactedError,
  TidemarkError,
  toJsonForm,
  wholeAtLeast,
} from '@tidemark/core'
import { seededRandom } from '../random.ts'
import { type AnyStore, backIn, checkName } from '../store-option.ts'
import { recordsOf } from './journal-keys.ts'
import { lastNumber } from './last-number.ts'
import { JournalReader } from './journal-reader.ts'
import { redoOf } from './replay-target.ts'
import type { JournalTransaction } from './record.ts'

/** What a function gets that a journal is replayed into, beside the arguments: what the transaction got when it was recorded. */
export interface ReplayContext {
  readonly number: number
  readonly now: number
  readonly random: () => number
}

/** By the name of the transaction; each one is waited for before the next one begins. */
// oxlint-disable-next-line typescript/no-explicit-any -- of arguments, which are as they were recorded
export type ReplayFunctions = Readonly<Record<string, (context: ReplayContext, ...args: any[]) => unknown>>

/** Another prevalent system. */
export interface ReplayTarget {
  readonly journal: JournalView
  readonly number: number
}

export interface JournalReadOptions {
  /** The number of the last transaction that is not wanted. @default from the oldest that there is */
  readonly after?: number | undefined
}

export interface ReplayOptions extends JournalReadOptions {
  /**
   * The number of the last transaction that is not wanted.
   * @default 0, from the first one: where that was removed, the replay is an error
   */
  readonly after?: number | undefined
  /** Gets the number of each transaction that is done: the one to go on `after`, also when the next one fails. */
  readonly onReplayed?: ((number: number) => void) | undefined
}

/** What is recorded in a journal, for whoever wants to read it. */
export class JournalView {
  readonly #back: Back
  readonly #name: string

  constructor(back: Back, name: string) {
    this.#back = back
    this.#name = name
  }

  /**
   * The transactions, oldest first.
   * @throws CompactedError when those that follow `after` were removed; CorruptError where the journal is damaged
   */
  async *read(options: JournalReadOptions = {}): AsyncGenerator<JournalTransaction> {
    assertKnown(options, ['after'])
    let last = await this.#start(options.after)
    const reader = new JournalReader(this.#back, this.#name)
    for await (const transactions of reader.read(last)) {
      yield* transactions
      last = transactions.at(-1)?.number ?? last
    }
    // What is missing, at the end or in between, may have been removed in the meantime.
    await this.#start(last)
    if (reader.damage !== undefined) throw reader.damage.cause
  }

  /**
   * Does the recorded transactions again, in their order, one at a time: with functions of the same names, which may write
   * to another database, or in another prevalent system.
   * @returns the number of the last one that was done, to go on `after` it
   * @throws what a function throws; TypeError for the system whose journal it is; TidemarkError TRANSACTION_UNKNOWN; as
   * {@link read} does
   */
  async replay(into: ReplayFunctions | ReplayTarget, options: ReplayOptions = {}): Promise<number> {
    assertKnown(options, ['after', 'onReplayed'])
    const { after = 0, onReplayed = () => {} } = options
    callback('option onReplayed', onReplayed)
    const redo = redoOf(into)
    if (redo !== undefined && this.#isOf(into as ReplayTarget)) {
      throw new TypeError(
        `the journal ${this.#name} cannot be replayed into its own system, which would do all of it again`,
      )
    }
    let last = after
    for await (const transaction of this.read({ after })) {
      await (redo === undefined ? this.#call(into as ReplayFunctions, transaction) : redo(transaction))
      last = transaction.number
      onReplayed(last)
    }
    return last
  }

  /** One line of JSON per transaction, without its end: number, name, args, at. Values as sinks write them. */
  async *export(options: JournalReadOptions = {}): AsyncGenerator<string> {
    for await (const { number, name, args, at, seed } of this.read(options)) {
      yield JSON.stringify({ number, name, args: toJsonForm(args), at: new Date(at).toISOString(), seed })
    }
  }

  #isOf({ journal }: ReplayTarget): boolean {
    return journal.#back === this.#back && journal.#name === this.#name
  }

  async #call(functions: ReplayFunctions, { number, name, args, at, seed }: JournalTransaction): Promise<void> {
    if (!Object.hasOwn(functions, name)) throw unknownTransaction(this.#name, number, name)
    let random: (() => number) | undefined
    const context = { number, now: at, random: () => (random ??= seededRandom(seed))() }
    await functions[name]!(context, ...args)
  }

  async #start(after: number | undefined): Promise<number> {
    const { entries } = await this.#back.scan(recordsOf(this.#name), { after: undefined, limit: 1, reverse: false })
    const [oldest] = entries
    const floor =
      oldest === undefined ? await lastNumber(this.#back, this.#name) : (oldest.key.tuple.at(-1) as number) - 1
    if (after === undefined) return floor
    if (wholeAtLeast('option after', after, 0) >= floor) return after
    const message = `the journal ${this.#name} no longer has what follows transaction ${after}: what is up to ${floor} was removed; read it after ${floor} (of a prevalent system, keepJournal: 'all' keeps it)`
    throw new CompactedError(after, floor, await lastNumber(this.#back, this.#name), message)
  }
}

/**
 * The journal of a prevalent system, or one on its own, for whoever does not write it: at any time, from any process, also where
 * nothing can be written. Reads what is there when it is asked.
 * @throws TypeError or RangeError for what is no store or no name
 */
export function readJournal(store: AnyStore, name: string): JournalView {
  return new JournalView(backIn(store), checkName(name))
}

export function unknownTransaction(journal: string, number: number, name: string): TidemarkError {
  return new TidemarkError(
    'TRANSACTION_UNKNOWN',
    `transaction ${number} of ${journal} is '${name}', which is not among the functions that were given; give it, under this name`,
    { key: journal },
  )
}
