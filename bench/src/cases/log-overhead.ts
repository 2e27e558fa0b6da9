import type { Case, Contender, Place } from '../runner/case.ts'

const BATCH = 100
const itemsIn = ({ quick }: Place): number => (quick ? 8_000 : 100_000)

const raw = (name: string, log: boolean): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/raw-log.ts')).rawLog({ ...place, items: itemsIn(place), batch: BATCH, log }),
})

/**
 * What the log row costs beside the value, in batches of 100 writes, one transaction each.
 *
 * (i) Judged: raw upserts against the same raw upserts with a log row each and one count of the head, with the tables,
 * the rows per statement and the settings of @tidemark/sqlite. Keys and values are bytes already, so that nothing dilutes
 * the difference. What a log makes necessary besides (looking up the version that was replaced) is not in it.
 * (ii) For information: a whole commit of the back tier (proposals, versions, log, listeners) against the bare upserts.
 */
export const logOverhead: Case = {
  name: 'log-overhead',
  measures: `a transaction of ${BATCH} writes of 100 bytes to random items out of 100,000, synchronous FULL`,
  needsRedis: false,
  contenders: [
    raw('upserts', false),
    raw('upserts-and-log', true),
    {
      name: 'tidemark-sqlite-commit',
      open: async (place) =>
        (await import('../contenders/back-commits.ts')).backCommits({ ...place, items: itemsIn(place), batch: BATCH }),
    },
  ],
  targets: [
    { kind: 'overhead', with: 'upserts-and-log', without: 'upserts', atMost: 0.35 },
    { kind: 'overhead', with: 'tidemark-sqlite-commit', without: 'upserts' },
  ],
}
