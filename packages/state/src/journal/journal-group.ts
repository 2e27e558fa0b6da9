import type { MarkWrite, SetWrite } from '@tidemark/core'
import type { JournalTransaction } from './record.ts'

/** So many share a record at most: whoever reads the journal takes one record at a time. */
const MAX_MEMBERS = 1_000
/** So many bytes of arguments, about; one alone may have more. A commit of many more would keep others waiting. */
const MAX_BYTES = 1 << 20

/** What is to be journaled, and who waits for it. */
export interface Intent {
  /** About as many as it takes in the journal. */
  readonly byteLength: number
  /**
   * Makes the transaction that the journal gets under this number. Asked again when one before it has failed.
   * @throws what its caller gets; nothing of it is journaled then
   */
  attempt(number: number): JournalTransaction
  /** It is durable. */
  resolve(): void
  reject(error: unknown): void
}

interface Member {
  readonly intent: Intent
  readonly transaction: JournalTransaction
}

/** Transactions that share a record, and a commit. */
export class JournalGroup<M> {
  readonly first: number
  readonly members: Member[] = []
  readonly #isForOne: boolean
  #byteLength = 0
  /** Since it has ended. */
  mark: { readonly mark: M } | undefined
  write: SetWrite | undefined
  head: MarkWrite | undefined

  /** @param isForOne nobody else may join whoever comes first */
  constructor(before: number, isForOne = false) {
    this.first = before + 1
    this.#isForOne = isForOne
  }

  get last(): number {
    return this.first + this.members.length - 1
  }

  hasRoomFor({ byteLength }: Intent): boolean {
    if (this.members.length === 0) return true
    return !this.#isForOne && this.members.length < MAX_MEMBERS && this.#byteLength + byteLength <= MAX_BYTES
  }

  /** @throws what the attempt throws */
  attempt(intent: Intent): void {
    this.members.push({ intent, transaction: intent.attempt(this.last + 1) })
    this.#byteLength += intent.byteLength
  }
}
