import type { Case } from '../runner/case.ts'

const KEYS = 1_000
/** Every one of its keys is cold; then there are no cold keys left, and a new store over an empty Redis is opened. */
const TIMES = 20

export const getmany1000Cold: Case = {
  name: 'getmany-1000-cold',
  measures: `getMany() of ${KEYS} keys that only SQLite holds, through near memory and Redis, filling both`,
  needsRedis: true,
  contenders: [
    {
      name: 'tidemark',
      open: async (place) => (await import('../contenders/cold-get-many.ts')).coldGetMany(place, KEYS, TIMES),
    },
  ],
  targets: [{ kind: 'figure', ours: 'tidemark', per: 'getMany of 1,000 keys' }],
  fixed: { times: TIMES, quickTimes: TIMES },
}
