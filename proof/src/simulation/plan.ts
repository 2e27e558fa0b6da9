import { SeededRandom } from '@tidemark/testkit'

/** What kinds of trouble a run has. */
const FAULTS = [
  'evict',
  'lose-meta',
  'flush',
  'cut',
  'partition',
  'stop-process',
  'crash',
  'stop-server',
  'restart-server',
  'old-snapshot',
  'promote',
  'full',
  'loading',
  'read-only',
  'restored',
] as const

export type Fault = (typeof FAULTS)[number]

export interface ProcessPlan {
  /** undefined: it has no near memory. Otherwise see TieredOptions.nearMaxStaleMs. */
  readonly nearMaxStaleMs: number | undefined
  readonly nearEntries: number
  /** Whether its back tier answers at once, as an embedded one does. */
  readonly embedded: boolean
  /** How likely its back tier is slow. */
  readonly slowBackRate: number
  readonly skewMs: number
  /** Its own Δ. @default that of the plan */
  readonly maxStaleMs?: number | undefined
}

/** Everything about a run that follows from its seed before it starts. */
export interface Plan {
  readonly seed: number
  readonly processes: readonly ProcessPlan[]
  readonly keys: number
  /** How many of the keys are counters. */
  readonly counters: number
  /** How many more keys are loaded where they are absent, and carry tags. */
  readonly loadedKeys: number
  readonly tags: number
  readonly leaseMs: number
  readonly operations: number
  /** Δ, of processes that have none of their own. */
  readonly maxStaleMs: number
  readonly ack: 'bounded' | 'strict'
  readonly writePolicy: 'write-through' | 'write-around'
  readonly negativeEntries: boolean
  readonly stripes: number
  readonly commandTimeoutMs: number
  readonly maxLogChanges: number
  /** Whether the fleet has come up, and reads from the front, before anything is called or fails. */
  readonly warmUp: boolean
  readonly faults: readonly Fault[]
  /** Mean time between two faults. */
  readonly faultEveryMs: number
  /** How likely a single command meets a fault of its own. */
  readonly lossRate: number
  /** How likely a single command that changes something arrives long after its connection has broken. */
  readonly lateRate: number
  /** How likely a single command is slow. */
  readonly slowRate: number
}

/** How long, at most, the way to a back tier that is not slow takes, and the way back. */
export const BACK_MS = 3

/** Of a process by its name: those that are started later are like the first ones. */
export function processPlan({ processes }: Plan, name: string): ProcessPlan {
  return processes[Number(name.slice(1)) % processes.length]!
}

export function planOf(seed: number): Plan {
  const random = new SeededRandom(seed)
  const ofBounds = new SeededRandom(seed ^ 0xb0d)
  const keys = random.between(2, 6)
  const processes = Array.from({ length: random.between(2, 4) }, (): ProcessPlan => ({
    nearMaxStaleMs: random.chance(0.75) ? undefined : random.pick([0, 100]),
    nearEntries: random.pick([1, 2, 100]),
    embedded: random.chance(0.6),
    slowBackRate: random.pick([0, 0, 0.1]),
    skewMs: random.chance(0.2) ? random.between(-2_000, 2_000) : 0,
    maxStaleMs: ofBounds.chance(0.3) ? ofBounds.pick([30, 60, 120, 300, 600]) : undefined,
  }))
  const calm = random.chance(0.1)
  const ofLoads = new SeededRandom(seed ^ 0x10ad)
  return {
    seed,
    processes,
    keys,
    counters: random.between(0, Math.min(2, keys - 1)),
    loadedKeys: ofLoads.chance(0.5) ? ofLoads.between(1, 3) : 0,
    tags: ofLoads.between(1, 2),
    leaseMs: ofLoads.pick([150, 400, 1_000]),
    operations: random.between(50, 200),
    maxStaleMs: random.pick([60, 120, 300]),
    ack: random.chance(0.4) ? 'strict' : 'bounded',
    writePolicy: random.chance(0.7) ? 'write-through' : 'write-around',
    negativeEntries: random.chance(0.8),
    stripes: random.pick([1, 2, 16, 1024]),
    commandTimeoutMs: random.pick([20, 50, 150, 400]),
    maxLogChanges: random.chance(0.15) ? 20 : 100_000,
    warmUp: random.chance(0.8),
    faults: calm ? [] : FAULTS.filter(() => random.chance(0.4)),
    faultEveryMs: random.pick([20, 60, 200]),
    lossRate: calm ? 0 : random.pick([0, 0, 0.01, 0.04]),
    lateRate: calm ? 0 : random.pick([0, 0.05, 0.1]),
    slowRate: random.pick([0, 0.05, 0.2]),
  }
}
