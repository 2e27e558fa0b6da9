import type { Case, Contender, Place } from '../runner/case.ts'

const ROWS = 1_000_000
const QUICK_ROWS = 10_000

const rowsIn = ({ quick }: Place): number => (quick ? QUICK_ROWS : ROWS)

const tidemark = (name: string, near: boolean): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/synced-rows.ts')).syncedRows(place, { rows: rowsIn(place), near }),
})

export const syncRows: Case = {
  name: 'sync-rows',
  measures: '1,000,000 rows of 100 bytes, synced from one SQLite file to another, empty one, synchronous FULL',
  needsRedis: false,
  contenders: [
    tidemark('tidemark', false),
    tidemark('tidemark-with-near', true),
    {
      name: 'sqlite-copy',
      open: async (place) => (await import('../contenders/copied-rows.ts')).copiedRows(place, rowsIn(place)),
    },
  ],
  targets: [
    { kind: 'rate', ours: 'tidemark', of: 'rows', atLeast: 100_000 },
    { kind: 'limit', ours: 'tidemark', note: 'peak RSS', unit: 'MB', below: 200 },
    { kind: 'times', ours: 'tidemark', against: ['sqlite-copy'] },
    { kind: 'figure', ours: 'tidemark-with-near', per: 'row' },
  ],
  fixed: { times: ROWS, quickTimes: QUICK_ROWS, rounds: 3 },
}
