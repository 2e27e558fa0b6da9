/** Random numbers that a seed repeats. */
export interface Draw {
  /** From 0 up to but not including 1. */
  unit(): number
  /** From `min` up to but not including `max`. */
  between(min: number, max: number): number
  /** A whole number from 0 up to but not including `limit`. */
  below(limit: number): number
  pick<T>(from: readonly T[]): T
  shuffled<T>(list: readonly T[]): T[]
}

/** mulberry32: 32 bits of state, good enough to choose with. Source: https://github.com/bryc/code (public domain) */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(unit() * limit)
  return {
    unit,
    below,
    between: (min, max) => min + unit() * (max - min),
    pick(from) {
      if (from.length === 0) throw new RangeError('there is nothing to pick from')
      return from[below(from.length)]!
    },
    shuffled(list) {
      const copy = [...list]
      for (let i = copy.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
      }
      return copy
    },
  }
}
