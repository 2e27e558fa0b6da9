import { type Back, CorruptError, type Entry, type StoreKey } from '@tidemark/core'
import { isDamage } from './damage.ts'
import { recordKey, recordsOf } from './journal-keys.ts'
import { type JournalTransaction, transactionsIn } from './record.ts'

/** Records, each of up to a few hundred transactions. */
const PAGE = 64

/** Why a journal cannot be read to its end. */
export interface Damage {
  readonly cause: CorruptError
  /** There is no record of the next transaction, though there is one of a later one. */
  readonly isMissing: boolean
}

/** A record, and which of its transactions are to stay. */
export interface RecordBehind {
  readonly entry: Entry
  readonly kept: readonly JournalTransaction[]
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
      } catch (cause) {
        if (!isDamage(cause)) throw cause
        this.#damage = { cause, isMissing: false }
        return
      }
      if (first + transactions.length - 1 <= last) continue
      if (first > last + 1) {
        this.#damage = { cause: new CorruptError(`the journal lacks transaction ${last + 1}`), isMissing: true }
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

  /** The records of what comes after a transaction, whether they can be read or not; of the first one, a part may come before. */
  async behind(last: number): Promise<readonly RecordBehind[]> {
    const records: RecordBehind[] = []
    for await (const entry of this.#entries(await this.#firstUpTo(last + 1))) {
      const first = entry.key.tuple.at(-1) as number
      const transactions = first > last ? [] : readableIn(entry, first)
      const kept = transactions.filter(({ number }) => number <= last)
      if (kept.length === 0 || kept.length < transactions.length) records.push({ entry, kept })
    }
    return records
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

function readableIn(entry: Entry, first: number): readonly JournalTransaction[] {
  try {
    return transactionsIn(entry.payload, first)
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    return []
  }
}
