import {
  afterTurn,
  type Back,
  type Clock,
  type Fill,
  type Found,
  type NearFront,
  prefixRange,
  userKeys,
} from '@tidemark/core'
import type { Observable } from 'rxjs'
import { runInSteps } from '../run-in-steps.ts'
import type { FrontLink } from '../shared/front-link.ts'
import { removeExtras } from './extras.ts'
import { resolveWarmOptions, type WarmChoice, type WarmOptions, type WarmStrategy } from './warm-options.ts'
import { nearTarget, sharedTarget, type WarmTarget } from './warm-target.ts'
import { pagesOf, tagPages } from './warm-pages.ts'

export interface WarmProgress {
  /** Entries read from the back tier, and offered to the fronts unless the strategy chose otherwise. */
  readonly done: number
  /** Entries that there were at the start, as far as readers see them; on a walk, those that it has come to so far. */
  readonly total: number
  /** Entries per second since the start. */
  readonly rate: number
  /** By front: how many of the entries it holds because of this run. The rest it had, or had newer, or it refused or failed. */
  readonly filled: Readonly<Record<string, number>>
  /** By front: how many records it let go of that were of no entry (strategy `mirror`). */
  readonly removed: Readonly<Record<string, number>>
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
 *
 * @throws TypeError or RangeError for a wrong option. The run fails with what the back tier, `walk.next` or the strategy
 * throws, and a `mirror`, when all else is done, with FRONT_UNAVAILABLE or TIMEOUT where a front could not be asked what it
 * holds.
 */
export function warm(tiers: WarmTiers, given: WarmOptions | WarmStrategy = {}): Observable<WarmProgress> {
  const options = resolveWarmOptions(given)
  const targets = [...(tiers.near === undefined ? [] : [nearTarget(tiers.near)]), ...tiers.links.map(sharedTarget)]
  const unknown = options.tiers?.find((name) => !targets.some((target) => target.name === name))
  if (unknown !== undefined) {
    const known = targets.map(({ name }) => name).join(', ')
    throw new TypeError(`there is no front named ${unknown} to warm; there is ${known || 'none'}`)
  }
  const wanted = targets.filter(({ name }) => options.tiers?.includes(name) ?? true)
  return runInSteps(options.signal, (signal) => run(tiers, wanted, options, signal))
}

async function* run(
  { back, clock }: WarmTiers,
  targets: readonly WarmTarget[],
  options: WarmOptions & { readonly waitMs: number },
  signal: AbortSignal,
): AsyncIterableIterator<WarmProgress> {
  const { strategy = 'missing' } = options
  const started = clock.monotonic()
  const filled: Record<string, number> = {}
  const removed: Record<string, number> = {}
  let done = 0
  let total = 0
  const progress = (): WarmProgress => {
    const seconds = (clock.monotonic() - started) / 1000
    return { done, total, rate: seconds > 0 ? done / seconds : 0, filled: { ...filled }, removed: { ...removed } }
  }
  await Promise.all(targets.map((target) => target.ready(options.waitMs, signal)))
  if (signal.aborted) return
  // First: without them a front could not tell whether the entries that carry them are valid.
  for await (const tags of tagPages(back, options)) {
    await Promise.all(targets.map((target) => bring(target, tags.map(toFill), strategy)))
    if (signal.aborted) return
  }
  for await (const page of pagesOf(back, options, clock)) {
    const fills = page.found.map(toFill)
    const chosen = typeof strategy === 'function' ? await chosenOf(strategy, fills, targets) : fills
    await Promise.all(
      targets.map(async (target) => {
        filled[target.name] = (filled[target.name] ?? 0) + (await bring(target, chosen, strategy))
      }),
    )
    done += fills.length
    total = page.total
    yield progress()
    // Embedded tiers answer without leaving the turn: timers, and an abort among them, would wait for the end.
    await new Promise<void>(afterTurn)
    if (signal.aborted) return
  }
  if (strategy !== 'mirror') return
  const range = prefixRange(options.prefix ?? [])
  let failure: { readonly error: unknown } | undefined
  for (const target of targets) {
    removed[target.name] = 0
    try {
      for await (const count of removeExtras(back, target, range)) {
        removed[target.name]! += count
        if (count > 0) yield progress()
        await new Promise<void>(afterTurn)
        if (signal.aborted) return
      }
    } catch (error) {
      // The other fronts let go of theirs all the same.
      failure ??= { error }
    }
  }
  yield progress()
  if (failure !== undefined) throw failure.error
}

/** @returns how many of them the front holds because of this */
async function bring(target: WarmTarget, fills: readonly Fill[], strategy: WarmStrategy): Promise<number> {
  if (strategy === 'full') await target.discard(fills.map(({ key }) => key))
  return target.fill(fills)
}

function toFill(found: Found): Fill {
  return { key: found.entry!.key, found, asOf: found.asOf }
}

/** @throws what the application's function throws; TypeError for what is no list of keys */
async function chosenOf(
  choose: WarmChoice,
  fills: readonly Fill[],
  targets: readonly WarmTarget[],
): Promise<readonly Fill[]> {
  const keys = fills.map(({ key }) => key)
  const versions = await Promise.all(targets.map((target) => target.versions(keys)))
  const page = fills.map(({ key, found }, i) => ({
    key: key.tuple,
    version: found.entry!.version,
    held: Object.fromEntries(targets.map(({ name }, t) => [name, versions[t]![i]])),
  }))
  const wanted = new Set(userKeys('the keys that the strategy returns', await choose(page)).map(({ id }) => id))
  return fills.filter(({ key }) => wanted.has(key.id))
}
