import { type Scenario, scenario, writers } from './scenario.ts'

/** Certificates and strict acknowledgement, with one server. */
export const CERTIFICATE_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'certificate',
    about: 'strict acknowledgement, eviction, crash',
    writers: writers(2),
    faults: ['evict', 'crash'],
  }),
  scenario({
    name: 'suspend',
    about: 'writers suspend a front that they cannot reach',
    writers: writers(2),
    faults: ['evict', 'crash', 'suspend'],
    maxTerms: 4,
  }),
  scenario({
    name: 'certificate-loss',
    about: 'the same, with FLUSHALL or loss of meta',
    quick: false,
    writers: writers(2),
    faults: ['evict', 'crash', 'loseMeta', 'flush'],
    maxLosses: 1,
    maxStarts: 3,
    maxTerms: 3,
  }),
  scenario({
    name: 'certificate-wide',
    about: '2 writers, 2 readers',
    quick: false,
    writers: writers(2),
    readers: 2,
    faults: ['crash'],
  }),
  scenario({
    name: 'suspend-loss',
    about: 'suspension, and loss of meta',
    writers: writers(1),
    faults: ['evict', 'suspend', 'loseMeta'],
    maxLosses: 1,
    maxStarts: 3,
    maxTerms: 4,
  }),
  scenario({
    name: 'certificate-stripes',
    about: '2 keys with a fence each',
    quick: false,
    keys: 2,
    stripes: 2,
    writers: writers(2),
    faults: ['evict', 'crash'],
  }),
  scenario({
    name: 'certificate-absence',
    about: 'insert, delete, negative fills',
    quick: false,
    bornAbsent: true,
    writers: [...writers(2), ...writers(1, { op: 'delete' })],
    faults: ['evict', 'crash'],
  }),
]
