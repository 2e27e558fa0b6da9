import type { Case, Contender } from '../runner/case.ts'

const LANES = 128
const KEEP = 100_000
const QUICK_KEEP = 5_000

const contender = (name: string, compact: boolean): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/compacted-writes.ts')).compactedWrites(place, {
      keep: place.quick ? QUICK_KEEP : KEEP,
      lanes: LANES,
      compact,
    }),
})

export const compactionCost: Case = {
  name: 'compaction-cost',
  measures: `1,000,000 set() of 100 bytes, ${LANES} at once, synchronous FULL, while the log is kept at 100,000 changes`,
  needsRedis: false,
  contenders: [contender('compacted', true), contender('not-compacted', false)],
  targets: [
    { kind: 'times', ours: 'compacted', against: ['not-compacted'], called: 'the same without', atLeast: 0.85 },
  ],
  // Together, the rounds make the million. Long ones: each ends with a compactor that has nobody to make room for.
  fixed: { times: 250_000, quickTimes: 5_000, rounds: 4 },
}
