/** How many skipped changes are remembered, in case that they come after all. */
const MAX_REMEMBERED = 100_000

/** Holds one subscriber's changes against the promise: every one, once, in order. */
export class StreamCheck {
  readonly start: number
  readonly #skipped = new Set<number>()
  #position: number
  #delivered = 0
  #outOfOrder = 0
  #duplicates = 0

  /** The stream begins after change `start`. */
  constructor(start: number) {
    this.start = start
    this.#position = start
  }

  /** The highest seq so far. */
  get position(): number {
    return this.#position
  }

  /** Different changes so far. */
  get delivered(): number {
    return this.#delivered
  }

  /** Changes that came before one that belongs before them, or after one that belongs after them. */
  get outOfOrder(): number {
    return this.#outOfOrder
  }

  get duplicates(): number {
    return this.#duplicates
  }

  deliver(seq: number): void {
    if (seq === this.#position + 1) {
      this.#position = seq
      this.#delivered++
    } else if (seq > this.#position) {
      for (let skipped = this.#position + 1; skipped < seq && this.#skipped.size < MAX_REMEMBERED; skipped++) {
        this.#skipped.add(skipped)
      }
      this.#outOfOrder++
      this.#position = seq
      this.#delivered++
    } else if (this.#skipped.delete(seq)) {
      this.#outOfOrder++
      this.#delivered++
    } else {
      this.#duplicates++
    }
  }
}
