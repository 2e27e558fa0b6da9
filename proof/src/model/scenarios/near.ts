import { type Scenario, scenario, writers } from './scenario.ts'

/** Near memory in the process of the first reader. */
export const NEAR_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'near',
    about: 'over the back tier; 1 writer in the process, 1 elsewhere',
    writers: [...writers(1, { near: true }), ...writers(1)],
    readers: 0,
    followers: 0,
    near: true,
  }),
  scenario({
    name: 'near-front',
    about: 'over a shared front; 1 writer elsewhere, crash',
    writers: writers(1),
    near: true,
    faults: ['crash', 'evict'],
  }),
  scenario({
    name: 'near-wide',
    about: 'the same, 1 writer in the process, 1 elsewhere',
    quick: false,
    writers: [...writers(1, { near: true }), ...writers(1)],
    near: true,
  }),
]
