import { wholeAtLeast } from '../options/checks.ts'
import type { Found } from '../ports/entry.ts'

export interface RecentChangesOptions {
  /** How many keys are remembered one by one. @default 65_536 */
  readonly capacity?: number | undefined
  /** Changes up to this seq count as executed and forgotten from the start. @default 0 */
  readonly floor?: number | undefined
}

/**
 * The fence of a front in the process: for each key that changed lately, the highest seq executed on it here.
 *
 * A fill is admitted only when it has seen everything that was executed on its key here. For a key that is remembered,
 * that is exact: its version must not be lower than the remembered seq. For any other key, whatever was executed on it
 * has a seq of at most `floor`, so a snapshot that includes `floor` has seen it. Forgetting a key raises the floor to
 * the seq it was remembered with: fills that could have been admitted may be refused then, never the other way round
 * (it fails closed), and a refused fill costs one more read below.
 *
 * Fences are never lowered, not even by the eviction of what they guard: that is what keeps a late fill or a late write
 * from reviving an older value in the empty place.
 */
export class RecentChanges {
  readonly #capacity: number
  readonly #seqs = new Map<string, number>()
  /** Walks behind the insertions, so that finding the oldest key does not mean to skip every deleted one again. */
  #oldest: Iterator<string>
  #floor: number

  /** @throws RangeError for a capacity below 1 or a floor that is no seq. */
  constructor({ capacity = 65_536, floor = 0 }: RecentChangesOptions = {}) {
    this.#capacity = wholeAtLeast('option capacity', capacity, 1)
    this.#floor = wholeAtLeast('option floor', floor, 0)
    this.#oldest = this.#seqs.keys()
  }

  /** Of every key that is not remembered, no seq above this one was executed here. */
  get floor(): number {
    return this.#floor
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#seqs.size
  }

  /** A change was executed here, in whatever order changes arrive. */
  record(id: string, seq: number): void {
    const seqs = this.#seqs
    const known = seqs.get(id)
    if (known !== undefined) {
      if (known >= seq) return
      // Out and in again: the oldest key is the one that has not changed for the longest time.
      seqs.delete(id)
    } else if (seq <= this.#floor) {
      // A late change. The key may have been forgotten with a higher seq, which the floor stands for: to remember it
      // with this one now would admit what the floor refuses.
      return
    }
    seqs.set(id, seq)
    if (seqs.size > this.#capacity) this.#forgetOldest()
  }

  /** The highest seq executed on the key here; undefined: not above the floor. */
  versionOf(id: string): number | undefined {
    return this.#seqs.get(id)
  }

  /**
   * Whether an answer may be kept here.
   * @param asOf a seq up to which the answer is known to include every change of the key
   */
  admits(id: string, found: Found, asOf: number): boolean {
    const seq = this.#seqs.get(id)
    if (seq === undefined) return asOf >= this.#floor
    return (found.entry === undefined ? found.asOf : found.entry.version) >= seq
  }

  /** Forgets every key; everything up to `seq` counts as executed. Never lowers the floor. */
  restart(seq: number): void {
    for (const known of this.#seqs.values()) if (known > this.#floor) this.#floor = known
    if (seq > this.#floor) this.#floor = seq
    this.#seqs.clear()
    this.#oldest = this.#seqs.keys()
  }

  #forgetOldest(): void {
    const id = this.#oldest.next().value as string
    const seq = this.#seqs.get(id)!
    this.#seqs.delete(id)
    if (seq > this.#floor) this.#floor = seq
  }
}
