import { type Scenario, scenario, writers } from './scenario.ts'

/** The back tier goes back in time. Every process ends, and starts again. */
export const RESTORE_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'restore',
    about: 'a declared restore; what was sent before it may arrive later',
    writers: writers(2),
    faults: ['restore', 'orphans'],
    maxStarts: 2,
    maxTerms: 3,
  }),
  scenario({
    name: 'orphans',
    about: 'the same, 2 keys, 2 followers, without certificates',
    quick: false,
    keys: 2,
    writers: writers(2, { policy: 'around' }),
    followers: 2,
    certificates: false,
    acknowledges: false,
    faults: ['restore', 'orphans'],
    maxStarts: 2,
    maxTerms: 3,
  }),
  scenario({
    name: 'restore-loss',
    about: 'a restore, and loss of meta before or after it',
    quick: false,
    writers: writers(2),
    faults: ['restore', 'orphans', 'loseMeta'],
    maxLosses: 1,
    maxStarts: 3,
    maxTerms: 4,
  }),
  scenario({
    name: 'undeclared',
    about: 'an undeclared restore that a watermark gives away',
    writers: writers(2),
    faults: ['undeclaredRestore'],
    maxStarts: 2,
    maxTerms: 3,
  }),
]
