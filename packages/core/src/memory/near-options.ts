import type { Clock } from '../clock.ts'
import { RecentChanges } from '../fence/recent-changes.ts'
import { assertKnown, between, callback, wholeAtLeast } from '../options/checks.ts'
import { clockOption } from '../options/ports.ts'

/** How much the front in this process holds, and for how long. */
export interface NearMemoryOptions {
  /** The name of this tier in answers and results. @default 'near' */
  readonly name?: string | undefined
  /** The least recently used records make room for new ones. @default 100_000 */
  readonly maxEntries?: number | undefined
  /** Counts keys, stored values and a flat amount per record; values that were read are held decoded too. @default 32 MiB */
  readonly maxBytes?: number | undefined
  /** How long a record stays at most, in milliseconds. Never longer than the tier below allows. @default 60_000 */
  readonly ttlMs?: number | undefined
  /** The same for the knowledge that a key does not exist. @default 10_000 */
  readonly negativeTtlMs?: number | undefined
  /**
   * Up to which fraction a record's time is shortened at random, so that what came together does not go together.
   * @default 0.1
   */
  readonly jitter?: number | undefined
  /** From 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** @default one of its own */
  readonly fence?: RecentChanges | undefined
}

export interface ResolvedNearOptions {
  readonly name: string
  readonly maxEntries: number
  readonly maxBytes: number
  readonly ttlMs: number
  readonly negativeTtlMs: number
  readonly jitter: number
  readonly random: () => number
  readonly clock: Clock
  readonly fence: RecentChanges
}

const NAMES: readonly (keyof NearMemoryOptions)[] = [
  'name',
  'maxEntries',
  'maxBytes',
  'ttlMs',
  'negativeTtlMs',
  'jitter',
  'random',
  'clock',
  'fence',
]

/** @throws TypeError or RangeError that names the option and what is allowed. */
export function resolveNearOptions(options: NearMemoryOptions): ResolvedNearOptions {
  assertKnown(options, NAMES)
  return Object.freeze({
    name: options.name ?? 'near',
    maxEntries: wholeAtLeast('option maxEntries', options.maxEntries ?? 100_000, 1),
    maxBytes: wholeAtLeast('option maxBytes', options.maxBytes ?? 32 * 1024 * 1024, 1),
    ttlMs: between('option ttlMs', options.ttlMs ?? 60_000, 1, Infinity),
    negativeTtlMs: between('option negativeTtlMs', options.negativeTtlMs ?? 10_000, 1, Infinity),
    jitter: between('option jitter', options.jitter ?? 0.1, 0, 1),
    random: callback('option random', options.random ?? Math.random),
    clock: clockOption(options.clock),
    fence: options.fence ?? new RecentChanges(),
  })
}
