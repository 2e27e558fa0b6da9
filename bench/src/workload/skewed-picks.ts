import { createPicks } from './picks.ts'

/** Of the items, so many in a hundred are the hot ones. */
const HOT_ITEMS = 1
/** Of the picks, so many in a hundred are hot ones. */
const HOT_PICKS = 90

/** As `createPicks`, but 90 % of the numbers are of 1 % of the items. */
export function createSkewedPicks(count: number): () => number {
  const pick = createPicks(count)
  const chance = createPicks(1_000_003)
  const hot = Math.max(1, Math.floor((count * HOT_ITEMS) / 100))
  return () => (chance() % 100 < HOT_PICKS ? pick() % hot : pick())
}
