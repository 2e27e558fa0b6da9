import type { Case } from '../runner/case.ts'

const ITEMS = 1_000

export const nearPeek: Case = {
  name: 'near-peek',
  measures: `the synchronous look into near memory, ${ITEMS} items of 100 bytes, against a bare lru-cache`,
  needsRedis: false,
  contenders: [
    {
      name: 'near-memory-peek',
      open: async () => (await import('../contenders/peeks.ts')).nearMemoryPeeks(ITEMS),
    },
    {
      name: 'tidemark-peek',
      open: async (place) => (await import('../contenders/peeks.ts')).tidemarkPeeks(place, ITEMS),
    },
    {
      name: 'lru-cache',
      open: async () => (await import('../contenders/peeks.ts')).lruCacheGets(ITEMS),
    },
  ],
  targets: [
    // Within twice the time of lru-cache.
    { kind: 'times', ours: 'near-memory-peek', against: ['lru-cache'], atLeast: 0.5 },
    { kind: 'times', ours: 'tidemark-peek', against: ['lru-cache'], atLeast: 0.5 },
  ],
}
