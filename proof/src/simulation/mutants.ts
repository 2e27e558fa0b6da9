import { BACK_FLAWS, FRONT_FLAWS, SERVER_FLAWS } from '@tidemark/testkit'
import { BROKEN_CODE, type BrokenCode } from './broken-code.ts'
import { isBrokenHere, runBroken } from './broken-process.ts'
import type { Plan, ProcessPlan } from './plan.ts'
import { renderViolation } from './report.ts'
import { runSeed, type SeedOptions } from './run-seed.ts'

/** Production code over something that breaks a rule, or with a rule of its own broken: a checker that finds nothing then is worth nothing. */
export interface Mutant {
  readonly name: string
  readonly options: SeedOptions
  /** It takes hundreds of seeds to see it. */
  readonly isRare: boolean
  /** What is broken in the production code itself; undefined: it is whole. */
  readonly code?: BrokenCode | undefined
}

export interface Caught {
  readonly seed: number
  /** What was violated. */
  readonly shows: string
}

/** Without near memory, and not embedded. */
const BARE: ProcessPlan = {
  nearMaxStaleMs: undefined,
  nearEntries: 1,
  embedded: false,
  slowBackRate: 0,
  skewMs: 0,
}

/** Everything comes from the front or the back tier, and the way between a commit and the front is long at times. */
const SLOW: Partial<Plan> = {
  processes: Array.from({ length: 4 }, () => ({ ...BARE, slowBackRate: 0.2 })),
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
  'late-answers-served': { ...SLOW, maxStaleMs: 60, commandTimeoutMs: 400 },
  'proofs-of-former-sessions': {
    ...SLOW,
    processes: Array.from({ length: 4 }, () => BARE),
    operations: 800,
    maxStaleMs: 600,
    commandTimeoutMs: 50,
    slowRate: 0,
    ack: 'bounded',
    faults: ['promote'],
    faultEveryMs: 30,
  },
  'required-versions-forgotten': SLOW,
  'bounds-of-others-ignored': {
    ...SLOW,
    processes: [30, 600, 30, 600].map((maxStaleMs) => ({ ...BARE, maxStaleMs })),
    ack: 'strict',
    faults: ['partition'],
    faultEveryMs: 100,
  },
  'loads-joined-late': LOADS,
  'servers-look-alike': { ...SLOW, ack: 'strict', faults: ['cut', 'promote'], faultEveryMs: 30 },
}

const RARE: ReadonlySet<string> = new Set(['apply-newer-raises-no-fence', 'proofs-of-former-sessions'])

export const MUTANTS: readonly Mutant[] = [
  ...SERVER_FLAWS.map((flaw) => mutant(flaw, { serverFlaws: [flaw] })),
  ...FRONT_FLAWS.map((flaw) => mutant(flaw, { frontFlaws: [flaw] })),
  ...BACK_FLAWS.map((flaw) => mutant(flaw, { backFlaws: [flaw], change: LOADS })),
  mutant('loader-errors-replaced', { replacesErrors: true, change: LOADS }),
  mutant('certificates-live-too-long', {
    certificateLives: 10,
    change: { ...SLOW, maxStaleMs: 60, lateRate: 0.3 },
  }),
  ...BROKEN_CODE.map((code) => mutant(code.name, {}, code)),
]

/** Runs seeds until one shows that something is wrong. @returns undefined: none of them did */
export async function catchMutant(given: Mutant, firstSeed: number, seeds: number): Promise<Caught | undefined> {
  if (given.code !== undefined && !isBrokenHere(given.code)) return catchBroken(given.code, firstSeed, seeds)
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const { violations } = await runSeed(seed, given.options)
    if (violations[0] !== undefined) return { seed, shows: renderViolation(violations[0]) }
  }
  return undefined
}

async function catchBroken(code: BrokenCode, firstSeed: number, seeds: number): Promise<Caught | undefined> {
  const where = ['--seed', String(firstSeed), '--seeds', String(seeds)]
  const { output } = await runBroken(code, ['--mutants', '--mutant', code.name, ...where, '--json'], 'pipe')
  const [row] = JSON.parse(output) as readonly ({ readonly caught: boolean } & Caught)[]
  return row!.caught ? { seed: row!.seed, shows: row!.shows } : undefined
}

function mutant(name: string, options: SeedOptions, code?: BrokenCode): Mutant {
  return {
    name,
    options: { change: CONDITIONS[name], ...options },
    isRare: RARE.has(name),
    code,
  }
}
