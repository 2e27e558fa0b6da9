/** How many changes are remembered: far more than streams are ever apart. */
const WINDOW = 50_000

/** Holds the streams and the acknowledgements against one another: a seq must mean the same change to everyone. */
export class Agreement {
  readonly #keys = new Map<number, string>()
  #highest = 0
  #disagreements = 0

  /** How often somebody was told of another change under the same seq. */
  get disagreements(): number {
    return this.#disagreements
  }

  /** How many changes there are, by what writers were told, that lie beyond the end of the log. */
  beyond(head: number): number {
    return Math.max(0, this.#highest - head)
  }

  /** A write came back with this version. */
  acknowledged(seq: number, key: string): void {
    this.#highest = Math.max(this.#highest, seq)
    this.heard(seq, key)
  }

  /** Somebody heard, from a stream or as the answer to a write, that change `seq` is one of `key`. */
  heard(seq: number, key: string): void {
    const known = this.#keys.get(seq)
    if (known === undefined) {
      this.#keys.set(seq, key)
      if (this.#keys.size > WINDOW) this.#keys.delete(this.#keys.keys().next().value!)
    } else if (known !== key) this.#disagreements++
  }
}
