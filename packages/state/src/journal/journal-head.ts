import { type Back, CorruptError, type MarkWrite, Payload } from '@tidemark/core'
import { isDamage } from './damage.ts'
import { headKey } from './journal-keys.ts'
import type { WriterLease } from './writer-lease.ts'

/** Who has changed a journal last, and the number of its last transaction then. */
interface Head {
  readonly writer: string
  readonly last: number
}

/** In a bundle, for its checksum. Stored: never change it. */
type StoredHead = readonly [writer: string, last: number]

/** What is told of transactions that were acknowledged, and are not there. */
export const REMOVED =
  "something has removed the rest, as sweep() or clear() of the store does; drop() it, or open what is left with the option recover: 'last-good'"

/**
 * What tells a writer whether anybody else has changed his journal: a mark that changes with every commit of it, in the same
 * transaction, and before anything else of a system is changed, as its snapshots are. Each writer has a name of his own, so
 * that a journal which was dropped, and begun anew, is never taken for the one before, however many transactions it has.
 */
export class JournalHead {
  readonly #back: Back
  readonly #name: string
  readonly #writer = crypto.randomUUID()
  /** As it was found, or as this writer has left it. undefined: there was none, of an earlier release, or a damaged one. */
  #known: Head | undefined
  /** As it is, if the commit under way, or the one in doubt, has been written. */
  #next: Head | undefined

  private constructor(back: Back, name: string, known: Head | undefined) {
    this.#back = back
    this.#name = name
    this.#known = known
  }

  /**
   * To be read under the lease, before the journal is: what is true of both is true of the journal as it will be read.
   * @param recover `last-good`: without it, where it cannot be read
   * @throws CorruptError when it is not damaged, but cannot be read here
   */
  static async read(back: Back, name: string, recover: 'damaged' | 'last-good'): Promise<JournalHead> {
    try {
      return new JournalHead(back, name, await headIn(back, name))
    } catch (error) {
      if (recover !== 'last-good' || !(error instanceof CorruptError)) throw error
      return new JournalHead(back, name, undefined)
    }
  }

  /** The number of the last transaction that was acknowledged; 0 where that is not known. */
  get last(): number {
    return this.#known?.last ?? 0
  }

  /** Nobody else has changed it since this writer did, or he is about to learn of it. */
  get isOwn(): boolean {
    return this.#known?.writer === this.#writer
  }

  /** What is to be said when the journal ends with `last`, and with that before what was acknowledged does. */
  missingBehind(last: number): CorruptError | undefined {
    if (last >= this.last) return undefined
    return new CorruptError(
      `${this.#name} has a journal that ends with transaction ${last}, and ${this.last} were acknowledged: ${REMOVED}`,
      { key: this.#name },
    )
  }

  /**
   * Whether nobody else has changed the journal, or anything that belongs to it. True of what is asked under the lease for as
   * long as that is held.
   */
  async isUntouched(): Promise<boolean> {
    const found = await headIn(this.#back, this.#name)
    // Compared after the answer: a commit that was under way meanwhile has made a known one of the next one.
    return areEqual(found, this.#known) || (this.#next !== undefined && areEqual(found, this.#next))
  }

  /**
   * There is one, and it does not say that there is more than `last`: from now on, whoever else begins to write is noticed, also
   * by who has not written anything yet.
   */
  async establish(last: number, writer: WriterLease): Promise<void> {
    if (this.#known === undefined || this.#known.last > last) await this.claim(last, writer)
  }

  /** Whoever has written before knows nothing of this journal, and its snapshots, any more. */
  async claim(last: number, writer: WriterLease): Promise<void> {
    const mark = this.write(last)
    await writer.use((lease) => this.#back.marks.write([mark], { lease }))
    this.written()
  }

  /** To be written together with what makes `last` the last transaction. */
  write(last: number): MarkWrite {
    this.#next = { writer: this.#writer, last }
    const stored: StoredHead = [this.#writer, last]
    return { key: headKey(this.#name), value: Payload.bundle(this.#back.codec, stored, []) }
  }

  /** What {@link write} gave is written. */
  written(): void {
    this.#known = this.#next ?? this.#known
    this.#next = undefined
  }

  /** It is certain that it is not, and will not be. */
  notWritten(): void {
    this.#next = undefined
  }
}

async function headIn(back: Back, name: string): Promise<Head | undefined> {
  const [payload] = await back.marks.read([headKey(name)])
  let stored: unknown
  try {
    stored = payload?.decode()
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  if (!Array.isArray(stored)) return undefined
  const [writer, last] = stored as unknown as StoredHead
  return { writer, last }
}

function areEqual(one: Head | undefined, other: Head | undefined): boolean {
  return one?.writer === other?.writer && one?.last === other?.last
}
