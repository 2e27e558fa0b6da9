import type { Case, Contender } from '../runner/case.ts'

const LANES = 128
const ACCOUNTS = 1_000
const MANY_ACCOUNTS = 100_000

const execute = (name: string, accounts: number): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/prevalent-systems.ts')).executes(place, {
      accounts: place.quick ? ACCOUNTS : accounts,
      lanes: LANES,
    }),
})

export const prevalentExecute: Case = {
  name: 'prevalent-execute',
  measures: `execute() of a transaction that changes two of 1,000 (100,000) objects, ${LANES} at once, synchronous FULL, snapshots included`,
  needsRedis: false,
  contenders: [
    execute('prevalent', ACCOUNTS),
    execute('prevalent-100000', MANY_ACCOUNTS),
    {
      name: 'sqlite-group-commit',
      open: async (place) =>
        (await import('../contenders/raw-journal.ts')).rawJournal(place, { accounts: ACCOUNTS, lanes: LANES }),
    },
  ],
  targets: [
    { kind: 'times', ours: 'prevalent', against: ['sqlite-group-commit'], atLeast: 0.8, orRate: 50_000 },
    { kind: 'times', ours: 'prevalent-100000', against: ['sqlite-group-commit'] },
  ],
}

const reads = (from: 'record' | 'map' | 'large-map'): readonly Contender[] => {
  const items = from === 'large-map' ? 100_000 : 1_000
  return [
    {
      name: `prevalent-${from}`,
      open: async (place) => (await import('../contenders/prevalent-systems.ts')).stateReads(place, { items, from }),
    },
    {
      name: `plain-${from}`,
      open: async () => (await import('../contenders/prevalent-systems.ts')).plainReads({ items, from }),
    },
  ]
}

export const prevalentRead: Case = {
  name: 'prevalent-read',
  measures: 'db.state, and in it one of 1,000 objects in a record or a Map, or of 100,000 in a Map',
  needsRedis: false,
  contenders: [...reads('record'), ...reads('map'), ...reads('large-map')],
  targets: [
    { kind: 'times', ours: 'prevalent-record', against: ['plain-record'], atLeast: 0.9 },
    { kind: 'times', ours: 'prevalent-map', against: ['plain-map'], atLeast: 0.9 },
    { kind: 'times', ours: 'prevalent-large-map', against: ['plain-large-map'] },
  ],
}

const start = (name: string, tail: number): Contender => ({
  name,
  open: async (place) =>
    (await import('../contenders/prevalent-systems.ts')).starts(place, {
      accounts: place.quick ? ACCOUNTS : MANY_ACCOUNTS,
      transactions: place.quick ? 20_000 : 1_000_000,
      tail,
    }),
})

export const prevalentStart: Case = {
  name: 'prevalent-start',
  measures:
    'opening, in a new process, a system of 100,000 objects with 1,000,000 journaled transactions, all but the last 1,000 or 5,000 of them, or all, in the snapshot',
  needsRedis: false,
  contenders: [start('prevalent', 1_000), start('prevalent-5000-behind', 5_000), start('snapshot-alone', 0)],
  targets: [
    { kind: 'overhead', with: 'prevalent', without: 'snapshot-alone', atMost: 0.2 },
    { kind: 'overhead', with: 'prevalent-5000-behind', without: 'snapshot-alone' },
    { kind: 'rate', ours: 'prevalent-5000-behind', of: 'starts', atLeast: 0.5 },
  ],
  fixed: { times: 1, quickTimes: 1 },
}
