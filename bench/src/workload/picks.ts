/** Longer than any cache of the processor, so that a contender cannot learn the sequence. */
const SEQUENCE = 1 << 20

/**
 * An endless sequence of item numbers below `count`, the same in every process: drawn before the measurement, because
 * drawing costs as much as the cheapest case. `Math.random` cannot be seeded; this is xorshift32 (Marsaglia, 2003).
 */
export function createPicks(count: number): () => number {
  const numbers = new Uint32Array(SEQUENCE)
  let state = 0x9e3779b9
  for (let i = 0; i < SEQUENCE; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    numbers[i] = (state >>> 0) % count
  }
  let at = 0
  return () => numbers[at++ & (SEQUENCE - 1)]!
}
