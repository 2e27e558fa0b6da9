import type { KeyTuple } from '../keys/key.ts'
import { between, wholeBetween } from '../options/checks.ts'
import type { StoreEntry } from '../store/entry-view.ts'
import { checkTags } from '../store/tags.ts'
import type { SetOptions } from '../store/write-options.ts'

/** What a loader is told. */
export interface LoadContext<T = unknown> {
  readonly key: KeyTuple
  /** Aborts when nobody can use the result any more: the store was closed, or the load has outlived its lease. */
  readonly signal: AbortSignal
  /**
   * What is kept of the key: the fresh value in a refresh ahead, else the last one within its grace; never one that a tag
   * has invalidated. With its meta, an ETag for instance.
   */
  readonly previous: StoreEntry<T> | undefined
}

/**
 * Gets the value of a key from where it comes from. undefined: it does not exist. What it throws reaches the callers as it
 * is.
 */
export type Loader<T = unknown> = (context: LoadContext<T>) => T | undefined | Promise<T | undefined>

/** How a value is loaded, and for how long it is good. All times in milliseconds. */
export interface LoadOptions extends Pick<SetOptions, 'meta' | 'tags'> {
  /** How long a loaded value is fresh. @default for ever */
  readonly ttlMs?: number | undefined
  /**
   * The share of `ttlMs` and `negativeTtlMs` that is taken off at random, so that what was loaded together does not end
   * together.
   * @default 0.1
   */
  readonly jitter?: number | undefined
  /**
   * How long past its time the last value is kept, and served where loading fails, or is slow by `softTimeoutMs` or
   * `hardTimeoutMs`. Needs `ttlMs`. @default 0
   */
  readonly graceMs?: number | undefined
  /**
   * Once loading takes so long, the last value is served, if its grace allows, and the load goes on. 0: at once.
   * @default no such time
   */
  readonly softTimeoutMs?: number | undefined
  /**
   * How long a caller waits for a load, by whichever process, before it gets the last value, if its grace allows, or
   * LOAD_TIMEOUT. The load goes on; its result is stored if it comes before the lease has ended and nothing was written
   * meanwhile. Infinity: no bound. @default 30_000
   */
  readonly hardTimeoutMs?: number | undefined
  /**
   * The last part of a value's time in which a hit starts a load in the background, in one process: 0.2 means the last
   * fifth. 0 to 1. @default 0: never
   */
  readonly refreshAheadFraction?: number | undefined
  /** How long it is remembered that a loader found nothing. @default 0: not at all */
  readonly negativeTtlMs?: number | undefined
  /**
   * After how long without a sign of life other processes take over the load, 100..86,400,000. Renewed while the loader
   * runs.
   * @default 10_000
   */
  readonly leaseMs?: number | undefined
}

export const LOAD_OPTIONS: readonly (keyof LoadOptions)[] = [
  'ttlMs',
  'jitter',
  'graceMs',
  'softTimeoutMs',
  'hardTimeoutMs',
  'refreshAheadFraction',
  'negativeTtlMs',
  'leaseMs',
  'meta',
  'tags',
]

export interface ResolvedLoadOptions extends LoadOptions {
  readonly ttlMs: number | undefined
  readonly jitter: number
  readonly graceMs: number
  readonly softTimeoutMs: number | undefined
  readonly hardTimeoutMs: number
  readonly refreshAheadFraction: number
  readonly negativeTtlMs: number
  readonly leaseMs: number
  readonly tags: readonly string[]
}

/** A grace and a time of this length end before the last Date. */
const LONGEST_SPAN_MS = 4_000_000_000_000_000
/** What timers take. */
const LONGEST_MS = 2_147_483_647
/** A shorter one would end while its holder is busy with something else. */
const SHORTEST_LEASE_MS = 100
/** As Leases has it. */
const LONGEST_LEASE_MS = 86_400_000
const DEFAULT_LEASE_MS = 10_000
const DEFAULT_HARD_TIMEOUT_MS = 30_000
const DEFAULT_JITTER = 0.1

const NO_TAGS: readonly string[] = Object.freeze([])

const DEFAULTS: ResolvedLoadOptions = Object.freeze({
  ttlMs: undefined,
  jitter: DEFAULT_JITTER,
  graceMs: 0,
  softTimeoutMs: undefined,
  hardTimeoutMs: DEFAULT_HARD_TIMEOUT_MS,
  refreshAheadFraction: 0,
  negativeTtlMs: 0,
  leaseMs: DEFAULT_LEASE_MS,
  tags: NO_TAGS,
})

/** @throws TypeError or RangeError that names the option and what is allowed. */
export function resolveLoadOptions(options: LoadOptions | undefined): ResolvedLoadOptions {
  if (options === undefined) return DEFAULTS
  const { ttlMs, jitter = DEFAULT_JITTER, graceMs = 0, softTimeoutMs, refreshAheadFraction = 0 } = options
  const { hardTimeoutMs = DEFAULT_HARD_TIMEOUT_MS, negativeTtlMs = 0, leaseMs = DEFAULT_LEASE_MS } = options
  if (ttlMs !== undefined) span('ttlMs', ttlMs, Number.MIN_VALUE)
  span('graceMs', graceMs)
  if (graceMs > 0 && ttlMs === undefined) throw new TypeError('graceMs needs ttlMs: a value without end has no grace')
  if (softTimeoutMs !== undefined) between('option softTimeoutMs', softTimeoutMs, 0, LONGEST_MS)
  if (hardTimeoutMs !== Infinity) between('option hardTimeoutMs', hardTimeoutMs, 0, LONGEST_MS)
  return {
    ttlMs,
    jitter: between('option jitter', jitter, 0, 1),
    graceMs,
    softTimeoutMs,
    hardTimeoutMs,
    refreshAheadFraction: between('option refreshAheadFraction', refreshAheadFraction, 0, 1),
    negativeTtlMs: span('negativeTtlMs', negativeTtlMs),
    leaseMs: wholeBetween('option leaseMs', leaseMs, SHORTEST_LEASE_MS, LONGEST_LEASE_MS),
    meta: options.meta,
    tags: options.tags === undefined ? NO_TAGS : checkTags(options.tags),
  }
}

function span(name: string, value: number, min = 0): number {
  return between(`option ${name}`, value, min, LONGEST_SPAN_MS)
}
