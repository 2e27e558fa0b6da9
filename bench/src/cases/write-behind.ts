import type { Case, Contender, Place } from '../runner/case.ts'
import { createPicks } from '../workload/picks.ts'
import { createSkewedPicks } from '../workload/skewed-picks.ts'

const LANES = 128
const itemsIn = ({ quick }: Place): number => (quick ? 2_000 : 100_000)

const POLICIES = ['write-behind', 'write-through'] as const

function contenders(picks: (count: number) => () => number): readonly Contender[] {
  return POLICIES.flatMap((writePolicy) =>
    [true, false].map((withRedis): Contender => ({
      name: withRedis ? writePolicy : `${writePolicy}-no-redis`,
      async open(place) {
        const { bufferedWrites } = await import('../contenders/buffered-writes.ts')
        const redis = withRedis ? place.redisUrl : undefined
        return bufferedWrites(place, { items: itemsIn(place), lanes: LANES, picks, open: { writePolicy, redis } })
      },
    })),
  )
}

function writeBehind(name: string, what: string, picks: (count: number) => () => number, atLeast: number): Case {
  return {
    name,
    measures: `set() of ${what}, 100 bytes each, ${LANES} at once, synchronous FULL, journaled; until all of it is committed`,
    needsRedis: true,
    contenders: contenders(picks),
    targets: [
      { kind: 'times', ours: 'write-behind', against: ['write-through'], atLeast },
      { kind: 'times', ours: 'write-behind-no-redis', against: ['write-through-no-redis'], atLeast },
    ],
  }
}

export const writeBehind128: Case = writeBehind('write-behind-128', 'random items out of 100,000', createPicks, 1)

export const writeBehind128Skewed: Case = writeBehind(
  'write-behind-128-skewed',
  'items out of 100,000, 90 % of them out of 1,000',
  createSkewedPicks,
  2,
)

export const bufferedFile: Case = {
  name: 'buffered-file',
  measures:
    'a hundred times: a list is read from a file, a number appended, and the file written and synced; and read once more',
  needsRedis: false,
  contenders: (['buffered', 'direct'] as const).map((how) => ({
    name: how,
    open: async (place) => (await import('../contenders/file-increments.ts')).fileIncrements(place, how),
  })),
  targets: [{ kind: 'times', ours: 'buffered', against: ['direct'], atLeast: 20 }],
}
