import { type StoreKey, subjectOf } from '@tidemark/core'

/** Which change is parked. */
export interface ParkedAt {
  readonly key: StoreKey
  readonly seq: number
}

export interface ParkedKeysOptions {
  /** How many are stored. */
  readonly count: number
  /** Whether later changes of a key are set aside behind an earlier one. Only then their keys are held. */
  readonly areKept: boolean
}

/**
 * What is parked of a lane: how many changes, and where it matters, their seqs by key, in order. Bounded by `maxParked`,
 * since no more than that are parked.
 */
export class ParkedKeys {
  readonly #seqs = new Map<string, number[]>()
  readonly #areKept: boolean
  #count: number

  constructor({ count, areKept }: ParkedKeysOptions) {
    this.#count = count
    this.#areKept = areKept
  }

  get count(): number {
    return this.#count
  }

  /** How many keys it holds. */
  get held(): number {
    return this.#seqs.size
  }

  /** Whether later changes of this key are to wait. */
  has({ key }: ParkedAt): boolean {
    return this.#seqs.has(subjectOf(key).id)
  }

  /** One that is stored already. In ascending order. */
  load({ key, seq }: ParkedAt): void {
    if (!this.#areKept) return
    const { id } = subjectOf(key)
    const seqs = this.#seqs.get(id)
    if (seqs === undefined) this.#seqs.set(id, [seq])
    else seqs.push(seq)
  }

  /** One that was parked just now, later than all that are. */
  add(parked: ParkedAt): void {
    this.#count++
    this.load(parked)
  }

  /** One that was. */
  delete({ key, seq }: ParkedAt): void {
    this.#count--
    const { id } = subjectOf(key)
    const seqs = this.#seqs.get(id)
    const at = seqs?.indexOf(seq) ?? -1
    if (seqs === undefined || at < 0) return
    seqs.splice(at, 1)
    if (seqs.length === 0) this.#seqs.delete(id)
  }

  /** Whether it waits for none of its key. */
  isFirst({ key, seq }: ParkedAt): boolean {
    return !this.#areKept || this.#seqs.get(subjectOf(key).id)?.[0] === seq
  }
}
