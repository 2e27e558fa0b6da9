import { type Scenario, scenario, writers } from './scenario.ts'

/** Starts from nothing, by two followers that get in each other's way. */
export const START_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'flush',
    about: 'FLUSHALL or loss of meta, 2 followers',
    writers: writers(2),
    followers: 2,
    certificates: false,
    faults: ['evict', 'flush', 'loseMeta'],
    maxLosses: 1,
    maxStarts: 3,
    maxTerms: 3,
  }),
  scenario({
    name: 'late-start',
    about: 'the same, announced late, or refused',
    writers: writers(2),
    followers: 2,
    certificates: false,
    lateStarts: true,
    faults: ['evict', 'flush', 'loseMeta'],
    maxLosses: 1,
    maxStarts: 3,
    maxTerms: 3,
  }),
  scenario({
    name: 'two-losses',
    about: 'meta is lost again during the start, 2 followers',
    quick: false,
    writers: writers(2),
    followers: 2,
    certificates: false,
    faults: ['loseMeta'],
    maxLosses: 2,
    maxStarts: 3,
    maxTerms: 3,
  }),
]
