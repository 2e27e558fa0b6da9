import { BACK_FLAWS, FRONT_FLAWS, SERVER_FLAWS } from '@tidemark/testkit'
import type { Violation } from './checker/violation.ts'
import type { Plan } from './plan.ts'
import { runSeed, type SeedOptions } from './run-seed.ts'

/** Production code over something that breaks a rule: a checker that finds nothing then is worth nothing. */
export interface Mutant {
  readonly name: string
  readonly options: SeedOptions
  /** It takes hundreds of seeds to see it. */
  readonly isRare: boolean
}

export interface Caught {
  readonly seed: number
  readonly violation: Violation
}

/** Everything comes from the front or the back tier, and the way between a commit and the front is long at times. */
const SLOW: Partial<Plan> = {
  processes: Array.from({ length: 4 }, () => ({
    nearMaxStaleMs: undefined,
    nearEntries: 1,
    embedded: false,
    slowBackRate: 0.2,
    skewMs: 0,
  })),
  keys: 2,
  counters: 0,
  loadedKeys: 0,
  operations: 200,
  maxStaleMs: 300,
  writePolicy: 'write-through',
  slowRate: 0.2,
  lateRate: 0,
  lossRate: 0,
  warmUp: true,
}

/** What is loaded is loaded often. */
const LOADS: Partial<Plan> = { loadedKeys: 2, tags: 1 }

/** What makes a broken rule show more often than in the average run. */
const CONDITIONS: Readonly<Record<string, Partial<Plan>>> = {
  'apply-newer-raises-no-fence': {
    ...SLOW,
    keys: 4,
    maxStaleMs: 1_000,
    stripes: 1024,
    faults: ['evict'],
    faultEveryMs: 20,
  },
  'start-without-base': { ...SLOW, faults: ['lose-meta'], faultEveryMs: 30 },
  'session-survives-reconnect': { ...SLOW, faults: ['cut', 'promote', 'old-snapshot'], faultEveryMs: 60 },
  'servers-look-alike': { ...SLOW, ack: 'strict', faults: ['cut', 'promote'], faultEveryMs: 30 },
}

export const MUTANTS: readonly Mutant[] = [
  ...SERVER_FLAWS.map((flaw) => mutant(flaw, { serverFlaws: [flaw] })),
  ...FRONT_FLAWS.map((flaw) => mutant(flaw, { frontFlaws: [flaw] })),
  ...BACK_FLAWS.map((flaw) => mutant(flaw, { backFlaws: [flaw], change: LOADS })),
  mutant('loader-errors-replaced', { replacesErrors: true, change: LOADS }),
  mutant('certificates-live-too-long', {
    certificateLives: 10,
    change: { ...SLOW, maxStaleMs: 60, lateRate: 0.3 },
  }),
]

/** Runs seeds until one shows that something is wrong. @returns undefined: none of them did */
export async function catchMutant({ options }: Mutant, firstSeed: number, seeds: number): Promise<Caught | undefined> {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const { violations } = await runSeed(seed, options)
    if (violations[0] !== undefined) return { seed, violation: violations[0] }
  }
  return undefined
}

function mutant(name: string, options: SeedOptions): Mutant {
  return {
    name,
    options: { change: CONDITIONS[name], ...options },
    isRare: name === 'apply-newer-raises-no-fence',
  }
}
