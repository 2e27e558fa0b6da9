/**
 * Draws indexes in proportion to their weights, in constant time, after linear preparation: Vose's alias method
 * (M. D. Vose, "A linear algorithm for generating random numbers with a given distribution", 1991).
 */
export class AliasSampler {
  readonly #keep: Float64Array
  readonly #alias: Uint32Array
  readonly #random: () => number

  /** @param random uniform in [0, 1) */
  constructor(weights: readonly number[], random: () => number = Math.random) {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (!(total > 0)) throw new RangeError('a sampler needs at least one weight above 0')
    const scaled = weights.map((weight) => (weight * weights.length) / total)
    this.#keep = new Float64Array(weights.length).fill(1)
    this.#alias = Uint32Array.from(weights, (_, i) => i)
    this.#random = random
    const small: number[] = []
    const large: number[] = []
    for (const [i, share] of scaled.entries()) (share < 1 ? small : large).push(i)
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!
      const more = large.at(-1)!
      this.#keep[less] = scaled[less]!
      this.#alias[less] = more
      scaled[more] = scaled[more]! - (1 - scaled[less]!)
      if (scaled[more]! < 1) small.push(large.pop()!)
    }
  }

  next(): number {
    const column = Math.floor(this.#random() * this.#keep.length)
    return this.#random() < this.#keep[column]! ? column : this.#alias[column]!
  }
}
