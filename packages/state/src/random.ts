/** As many as 32 bits tell apart. */
const SEEDS = 0x1_0000_0000

/** A seed, of one number. @throws RangeError for what is none from 0 to below 1: it would be recorded for good */
export function drawSeed(random: () => number): number {
  const drawn: unknown = random()
  if (typeof drawn === 'number' && drawn >= 0 && drawn < 1) return Math.floor(drawn * SEEDS)
  throw new RangeError(`option random gives ${String(drawn)}, which is no number from 0 to below 1`)
}

/**
 * Numbers from 0 to below 1, the same ones for the same seed, for ever: transactions are replayed with them. 53 bits each,
 * of sfc32 (Chris Doty-Humphrey's PractRand, http://pracrand.sourceforge.net), which passes its tests.
 */
export function seededRandom(seed: number): () => number {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed
  let counter = 1
  const next = (): number => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    return t >>> 0
  }
  // As its author does, so that similar seeds have nothing in common.
  for (let i = 0; i < 12; i++) next()
  return () => (next() * 0x20_0000 + (next() >>> 11)) / 0x20_0000_0000_0000
}
