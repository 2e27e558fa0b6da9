import type { Case } from '../runner/case.ts'

const ITEMS = 2_000
const STORES = 2
const LANES = 64

export const flushRecovery: Case = {
  name: 'flush-recovery',
  measures: `FLUSHALL, until Redis answers 90 % of what it did: ${STORES} stores without near memory, ${LANES} get() at once in each, ${ITEMS} items of 100 bytes; back reads until all is as before, of the store that has most`,
  needsRedis: true,
  contenders: [
    {
      name: 'tidemark',
      open: async (place) =>
        (await import('../contenders/flushed-redis.ts')).flushedRedis(place, {
          items: ITEMS,
          stores: STORES,
          lanes: LANES,
        }),
    },
  ],
  targets: [
    { kind: 'limit', ours: 'tidemark', note: 'recovered within', unit: 's', below: 30 },
    { kind: 'limit', ours: 'tidemark', note: 'back reads per key', unit: 'per store', below: 1 },
    { kind: 'figure', ours: 'tidemark', per: 'FLUSHALL' },
  ],
  fixed: { times: 1, quickTimes: 1 },
}
