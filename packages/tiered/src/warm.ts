import {
  afterTurn,
  assertKnown,
  type Back,
  type Clock,
  type Fill,
  type Key,
  type NearFront,
  port,
  prefixRange,
  type StoreKey,
} from '@tidemark/core'
import type { Observable } from 'rxjs'
import { runInSteps } from './run-in-steps.ts'
import type { FrontLink } from './shared/front-link.ts'

const PAGE = 500

export interface WarmOptions {
  /** Only keys that start with these parts. @default everything */
  readonly prefix?: Key | readonly []
  /** Which fronts to fill, by name. @default all of them */
  readonly tiers?: readonly string[]
  /** Ends the run: the observable completes with what was done until then. */
  readonly signal?: AbortSignal
}

const KNOWN: readonly string[] = ['prefix', 'tiers', 'signal'] satisfies (keyof WarmOptions)[]

export interface WarmProgress {
  /** Entries read from the back tier and offered to the fronts. */
  readonly done: number
  /** Entries that there were at the start. */
  readonly total: number
  /** Entries per second since the start. */
  readonly rate: number
  /** By front: how many of the entries it holds because of this run. The rest it had newer, or it refused or failed. */
  readonly filled: Readonly<Record<string, number>>
}

interface WarmTiers {
  readonly back: Back
  readonly near: NearFront | undefined
  readonly links: readonly FrontLink[]
  readonly clock: Clock
}

/**
 * Copies the back tier into the fronts, page by page, the next page only when the fronts took the last one. Every page is
 * a fenced fill: what is written meanwhile wins. A front that fails is passed over for that page, and the tier event says so.
 * Unsubscribing ends the run.
 */
export function warm(tiers: WarmTiers, options: WarmOptions = {}): Observable<WarmProgress> {
  assertKnown(options, KNOWN, 'warm')
  const { signal: outer } = options
  if (outer !== undefined) port<AbortSignal>('option signal', outer, ['addEventListener', 'removeEventListener'])
  const known = [...(tiers.near === undefined ? [] : [tiers.near.name]), ...tiers.links.map((link) => link.name)]
  const unknown = options.tiers?.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new TypeError(`there is no front named ${unknown} to warm; there is ${known.join(', ') || 'none'}`)
  }
  return runInSteps(outer, (signal) => run(tiers, options, signal))
}

async function* run(tiers: WarmTiers, options: WarmOptions, signal: AbortSignal): AsyncIterableIterator<WarmProgress> {
  const { back, clock } = tiers
  const wanted = (name: string): boolean => options.tiers?.includes(name) ?? true
  const near = tiers.near !== undefined && wanted(tiers.near.name) ? tiers.near : undefined
  const links = tiers.links.filter((link) => wanted(link.name))
  const range = prefixRange(options.prefix ?? [])
  const started = clock.monotonic()
  const total = await back.count(range)
  const filled: Record<string, number> = {}
  const count = (tier: string, entries: number): void => void (filled[tier] = (filled[tier] ?? 0) + entries)
  let done = 0
  let after: StoreKey | undefined
  while (!signal.aborted) {
    const { entries, asOf } = await back.scan(range, { after, limit: PAGE, reverse: false })
    const fills = entries.map((entry): Fill => {
      const until = entry.expiresAt ?? Infinity
      return { key: entry.key, found: { entry, asOf, until, tier: back.name }, asOf }
    })
    if (near !== undefined) count(near.name, fills.filter((fill) => near.fillNow(fill) === 'installed').length)
    await Promise.all(links.map(async (link) => count(link.name, (await link.fill(fills)) ?? 0)))
    done += entries.length
    const seconds = (clock.monotonic() - started) / 1000
    yield { done, total, rate: seconds > 0 ? done / seconds : 0, filled: { ...filled } }
    if (entries.length < PAGE) return
    after = entries.at(-1)?.key
    // Embedded tiers answer without leaving the turn: timers, and an abort among them, would wait for the end.
    await new Promise<void>(afterTurn)
  }
}
