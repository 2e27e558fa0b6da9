import {
  assertKnown,
  callback,
  duration,
  type Key,
  type KeyList,
  listOf,
  oneOf,
  port,
  type StoreEntry,
  userKeys,
} from '@tidemark/core'

/**
 * What is brought into the fronts of the entries that the back tier holds.
 * `missing`: what a front lacks, or has older · `full`: everything anew, with new times to live · `mirror`: as `missing`,
 * and shared fronts let go of what the back tier does not hold · a function chooses, page by page.
 */
export type WarmStrategy = 'missing' | 'full' | 'mirror' | WarmChoice

/** @returns the keys to bring; those that are not on the page are left out */
export type WarmChoice = (page: readonly WarmCandidate[]) => KeyList | Promise<KeyList>

/** An entry of the back tier, and what the fronts have of it. */
export interface WarmCandidate {
  readonly key: StoreEntry['key']
  readonly version: number
  /** By front: the version that it holds; undefined: none. */
  readonly held: Readonly<Record<string, number | undefined>>
}

/** Follows references from entry to entry, instead of taking all that there are. */
export interface WarmWalk {
  /** Where to begin. */
  readonly roots: KeyList
  /** The keys that an entry leads to; each is visited once, and those that do not exist lead nowhere. */
  readonly next: (entry: StoreEntry) => KeyList | Promise<KeyList>
}

export interface WarmOptions {
  /** @default 'missing' */
  readonly strategy?: WarmStrategy | undefined
  /** Only keys that start with these parts. @default everything */
  readonly prefix?: Key | readonly [] | undefined
  /** Only what can be reached from here. Its memory is that of the keys which were visited. @default everything */
  readonly walk?: WarmWalk | undefined
  /** Which fronts to fill, by name. @default all of them */
  readonly tiers?: readonly string[] | undefined
  /** How long a shared front that is connecting, or being started, is waited for, in milliseconds. @default 1_000 */
  readonly waitMs?: number | undefined
  /** Ends the run: the observable completes with what was done until then. */
  readonly signal?: AbortSignal | undefined
}

const KNOWN = [
  'strategy',
  'prefix',
  'walk',
  'tiers',
  'waitMs',
  'signal',
] as const satisfies readonly (keyof WarmOptions)[]
const STRATEGIES = ['missing', 'full', 'mirror'] as const satisfies readonly WarmStrategy[]

/** @throws TypeError or RangeError that names the option and what is allowed. */
export function resolveWarmOptions(given: WarmOptions | WarmStrategy): WarmOptions & { readonly waitMs: number } {
  const options = typeof given === 'string' || typeof given === 'function' ? { strategy: given } : given
  assertKnown(options, KNOWN, 'warm')
  const { strategy = 'missing', walk, signal, prefix, waitMs = 1_000 } = options
  duration('option waitMs', waitMs)
  if (typeof strategy !== 'function') oneOf('option strategy', strategy, STRATEGIES)
  const tiers = options.tiers && Array.from(listOf('option tiers', options.tiers, "['redis']"))
  if (signal !== undefined) port<AbortSignal>('option signal', signal, ['addEventListener', 'removeEventListener'])
  if (walk === undefined) return { ...options, tiers, waitMs }
  assertKnown(walk, ['roots', 'next'], 'walk')
  const next = callback('option walk.next', walk.next)
  // Taken at once: every subscription begins there, and what they come from may be used up by the first.
  const roots = userKeys('the keys of option walk.roots', walk.roots).map(({ tuple }) => tuple)
  if (strategy !== 'missing') throw new TypeError('option walk goes with the strategy missing alone')
  if (prefix !== undefined) throw new TypeError('give either walk or prefix: next() decides what is visited')
  return { ...options, tiers, waitMs, walk: { roots, next } }
}
