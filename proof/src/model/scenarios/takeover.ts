import { type Scenario, scenario, type Takeover, writers } from './scenario.ts'

const DEAD: Takeover = { kind: 'failover', zombie: false, back: false }
const ZOMBIE: Takeover = { kind: 'failover', zombie: true, back: false }
const RESTART: Takeover = { kind: 'restart', zombie: false, back: false }

/** Another server takes the place of the first one, older than it was. */
export const TAKEOVER_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'failover',
    about: 'a lagging replica is promoted, the primary is dead',
    writers: writers(1),
    faults: ['crash', 'evict'],
    takeover: DEAD,
    maxCopies: 1,
    maxTerms: 2,
  }),
  scenario({
    name: 'replay',
    about: 'a step of the tail arrives at the promoted replica',
    quick: false,
    keys: 2,
    writers: writers(2),
    certificates: false,
    acknowledges: false,
    takeover: DEAD,
    maxCopies: 1,
    maxTerms: 2,
  }),
  scenario({
    name: 'split-brain',
    about: 'a replica is promoted, the old primary answers on',
    writers: writers(1),
    takeover: ZOMBIE,
    maxCopies: 1,
    maxTerms: 2,
  }),
  scenario({
    name: 'restart',
    about: 'a restart from an old snapshot, after a FLUSHALL perhaps',
    quick: false,
    writers: writers(1),
    faults: ['flush'],
    takeover: RESTART,
    maxLosses: 1,
    maxStarts: 2,
    maxTerms: 3,
    maxCopies: 1,
  }),
  scenario({
    name: 'failover-wide',
    about: '2 writers, dead or alive',
    quick: false,
    writers: writers(2),
    takeover: ZOMBIE,
    maxCopies: 1,
    maxTerms: 2,
  }),
  scenario({
    name: 'split-brain-wide',
    about: '1 writer, 2 readers',
    quick: false,
    writers: writers(1),
    readers: 2,
    takeover: ZOMBIE,
    maxCopies: 1,
    maxTerms: 2,
  }),
  scenario({
    name: 'two-primaries',
    about: 'connections lead to either of two, which take turns',
    quick: false,
    writers: writers(1),
    takeover: { ...ZOMBIE, back: true },
    maxCopies: 1,
    maxTerms: 4,
  }),
  scenario({
    name: 'restart-suspend',
    about: 'a restart, while writers suspend the front',
    writers: writers(1),
    faults: ['suspend', 'evict'],
    takeover: RESTART,
    maxCopies: 1,
    maxTerms: 4,
  }),
]
