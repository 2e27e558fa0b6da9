import type { Case, Contender } from '../runner/case.ts'

const ITEMS = 10_000
const LANES = 128
/** Of a call to Redis, by default. */
const TIMEOUT_MS = 50
/** What a pause of the machine or of the event loop may add to the longest read. */
const PAUSE_MS = 50

const contender = (name: string, fault?: 'hung' | 'killed'): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/reads-past-redis.ts')).readsPastRedis(place, {
      items: ITEMS,
      lanes: LANES,
      ...(fault && { fault }),
    }),
})

const FAULTY = ['redis-hung', 'redis-killed']

export const redisStopped128: Case = {
  name: 'redis-stopped-128',
  measures: `get() while Redis hangs or is gone, without near memory, ${ITEMS} items of 100 bytes, ${LANES} at once; p99 and longest in ms, from before the fault`,
  // The servers that fail are the contenders' own; this one tells the version.
  needsRedis: true,
  contenders: [contender('redis-hung', 'hung'), contender('redis-killed', 'killed'), contender('sqlite-only')],
  targets: FAULTY.flatMap((ours) => [
    { kind: 'times', ours, against: ['sqlite-only'], atLeast: 0.5 },
    { kind: 'limit', ours, note: 'p99', unit: 'ms', below: TIMEOUT_MS },
    { kind: 'limit', ours, note: 'longest', unit: 'ms', below: TIMEOUT_MS + PAUSE_MS },
  ]),
}
