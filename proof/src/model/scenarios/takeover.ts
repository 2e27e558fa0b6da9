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
    writers: writers(1),
    faults: ['flush'],
    takeover: RESTART,
    maxLosses: 1,
    maxStarts: 2,
    maxTerms: 3,
    maxCopies: 1,
  }),
]
