import { type Scenario, scenario, writers } from './scenario.ts'

/** The fence alone: nobody has certificates, a write is acknowledged when it was applied. */
export const FENCE_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'fence',
    about: '2 writers through, fills, eviction, crash',
    writers: writers(2),
    certificates: false,
    faults: ['evict', 'crash'],
  }),
  scenario({
    name: 'around',
    about: '1 writer through, 1 around, out of memory',
    writers: [...writers(1), ...writers(1, { policy: 'around' })],
    certificates: false,
    faults: ['evict', 'crash', 'outOfMemory'],
  }),
  scenario({
    name: 'absence',
    about: 'a key that is missing: inserts, delete, negative fills',
    bornAbsent: true,
    writers: [...writers(2), ...writers(1, { op: 'delete' })],
    certificates: false,
    faults: ['evict', 'crash'],
  }),
  scenario({
    name: 'fence-stripe',
    about: '2 keys under one fence',
    keys: 2,
    writers: writers(2),
    certificates: false,
    faults: ['evict', 'crash'],
  }),
  scenario({
    name: 'fence-stripes',
    about: '2 keys with a fence each, 3 writers',
    quick: false,
    keys: 2,
    stripes: 2,
    writers: writers(3),
    certificates: false,
    faults: ['evict', 'crash'],
  }),
  scenario({
    name: 'fence-wide',
    about: '3 writers, 2 readers, 2 followers',
    quick: false,
    writers: writers(3),
    readers: 2,
    followers: 2,
    certificates: false,
    faults: ['evict', 'crash'],
  }),
]
