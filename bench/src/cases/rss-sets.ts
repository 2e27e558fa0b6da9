import type { Case } from '../runner/case.ts'

const LANES = 512

export const rss1mSets: Case = {
  name: 'rss-1m-sets',
  measures: `1,000,000 set() of different keys, 100 bytes each, ${LANES} at once, through near memory and Redis`,
  needsRedis: true,
  contenders: [
    {
      name: 'tidemark',
      open: async (place) => (await import('../contenders/distinct-sets.ts')).distinctSets(place, LANES),
    },
  ],
  targets: [
    { kind: 'limit', ours: 'tidemark', note: 'peak RSS', unit: 'MB', below: 300 },
    { kind: 'figure', ours: 'tidemark', per: 'set' },
  ],
  fixed: { times: 1_000_000, quickTimes: 20_000, rounds: 1 },
}
