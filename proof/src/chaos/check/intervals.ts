import type { Micros } from '../clock.ts'

export interface Interval {
  readonly from: Micros
  readonly to: Micros
}

/** Answers whether any of many intervals overlaps another one. */
export class Intervals {
  readonly #from: readonly Micros[]
  /** The latest end of all intervals up to this one, in the order of their beginnings. */
  readonly #latest: readonly Micros[]

  constructor(intervals: readonly Interval[]) {
    const sorted = intervals.toSorted((a, b) => a.from - b.from)
    this.#from = sorted.map(({ from }) => from)
    let latest = -Infinity
    this.#latest = sorted.map(({ to }) => (latest = Math.max(latest, to)))
  }

  overlap(from: Micros, to: Micros): boolean {
    const begun = countBelow(this.#from, to + 1)
    return begun > 0 && this.#latest[begun - 1]! >= from
  }
}

/** How many of the numbers, which ascend, are below `limit`. */
export function countBelow(ascending: readonly number[], limit: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < limit) low = middle + 1
    else high = middle
  }
  return low
}
