import { type Back, CorruptError, type Entry, type StoreKey } from '@tidemark/core'
import { isDamage } from './damage.ts'
import { recordKey, recordsOf } from './journal-keys.ts'
import { type JournalTransaction, transactionsIn } from './record.ts'

/** Records, each of up to a few hundred transactions. */
const PAGE = 64

/** What of a journal cannot be replayed, from where on, and why. */
export interface Damage {
  readonly reason: string
  readonly cause: unknown
  /** The records from there on, as they are stored. */
  readonly entries: readonly Entry[]
}

/** A journal as far as it is whole. */
export class JournalReader {
  readonly #back: Back
  readonly #name: string
  #damage: Damage | undefined

  constructor(back: Back, name: string) {
    this.#back = back
    this.#name = name
  }

  /** When {@link read} has come to its end: why it is not that of the journal. */
  get damage(): Damage | undefined {
    return this.#damage
  }

  /**
   * The transactions behind the one with this number, a record at a time. Ends before the first record that is damaged, or
   * that does not follow the one before it.
   * @throws CorruptError for one that may be whole, and cannot be read here
   */
  async *read(after: number): AsyncGenerator<readonly JournalTransaction[]> {
    let last = after
    for await (const entry of this.#entries(await this.#firstUpTo(after + 1))) {
      const first = entry.key.tuple.at(-1) as number
      let transactions: readonly JournalTransaction[]
      try {
        transactions = transactionsIn(entry.payload, first)
        const end = first + transactions.length - 1
        if (end <= last) continue
        if (first > last + 1) throw new CorruptError(`the journal lacks transaction ${last + 1}`)
      } catch (cause) {
        if (!isDamage(cause)) throw cause
        this.#damage = { reason: cause.message, cause, entries: await this.#from(first) }
        return
      }
      yield transactions.slice(Math.max(0, last + 1 - first))
      last = first + transactions.length - 1
    }
  }

  /** The record that holds the transaction with this number, or where it would be. */
  async #firstUpTo(number: number): Promise<number> {
    const after = recordKey(this.#name, number + 1)
    const { entries } = await this.#back.scan(recordsOf(this.#name), { after, limit: 1, reverse: true })
    return (entries[0]?.key.tuple.at(-1) as number | undefined) ?? number
  }

  async #from(first: number): Promise<readonly Entry[]> {
    return Array.fromAsync(this.#entries(first))
  }

  async *#entries(first: number): AsyncGenerator<Entry> {
    const range = { start: recordKey(this.#name, first).bytes, end: recordsOf(this.#name).end }
    let after: StoreKey | undefined
    for (;;) {
      const { entries, isLast } = await this.#back.scan(range, { after, limit: PAGE, reverse: false })
      yield* entries
      if (isLast) return
      after = entries.at(-1)!.key
    }
  }
}
