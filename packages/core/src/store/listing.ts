import { afterTurn } from '../batching/after-turn.ts'
import { type KeyRange, RANGE_OPTIONS, rangeOf, type RangeOptions } from '../keys/key-range.ts'
import type { KeyTuple } from '../keys/key.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { userRanges } from '../keys/reserved.ts'
import { flag, wholeAtLeast } from '../options/checks.ts'
import type { Back, ReadOptions } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { type StoreEntry, toListedEntry } from './entry-view.ts'
import type { Visibility } from './visibility.ts'

/** Entries per page: big enough to make the statement's cost vanish, small enough to keep the event loop free. */
const PAGE = 512

/** Which keys are listed, in which order and how many; given no option, all of them. */
export interface ListOptions extends RangeOptions {
  /** From the last key to the first. @default false */
  readonly reverse?: boolean
  /** At most this many. @default no limit */
  readonly limit?: number
}

export const LIST_OPTIONS: readonly (keyof ListOptions)[] = [...RANGE_OPTIONS, 'reverse', 'limit']

/** What is listed: the pages of the back tier, as readers see them. */
export interface Listed<R extends ReadOptions> {
  readonly back: Pick<Back<R>, 'scan'>
  readonly visibility: Visibility<R>
}

export interface Listing {
  readonly range: KeyRange
  readonly reverse: boolean
  readonly limit: number
}

/** @throws TypeError or RangeError, at once, for wrong options. */
export function listKeys<R extends ReadOptions>(
  listed: Listed<R>,
  options: ListOptions = {},
): AsyncIterableIterator<KeyTuple> {
  return eachOf(pages(listed, resolveListing(options)), (entry) => entry.key.tuple)
}

/** @throws TypeError or RangeError, at once, for wrong options. */
export function listEntries<T, R extends ReadOptions>(
  listed: Listed<R>,
  options: ListOptions = {},
): AsyncIterableIterator<StoreEntry<T>> {
  return eachOf(pages(listed, resolveListing(options)), (entry) => toListedEntry<T>(entry))
}

/** @throws TypeError or RangeError for wrong options */
export function resolveListing({ reverse = false, limit = Infinity, ...bounds }: ListOptions): Listing {
  flag('option reverse', reverse)
  if (limit !== Infinity) wholeAtLeast('option limit', limit, 0)
  return { range: rangeOf(bounds), reverse, limit }
}

async function* eachOf<T>(
  paged: AsyncIterableIterator<readonly Entry[]>,
  view: (entry: Entry) => T,
): AsyncIterableIterator<T> {
  for await (const page of paged) for (const entry of page) yield view(entry)
}

async function* pages<R extends ReadOptions>(
  listed: Listed<R>,
  { range, reverse, limit }: Listing,
): AsyncIterableIterator<readonly Entry[]> {
  const ranges = userRanges(range)
  let left = limit
  for (const part of reverse ? ranges.toReversed() : ranges) {
    for await (const page of pagesOf(listed, part, reverse, () => left)) {
      left -= page.length
      yield page
      if (left <= 0) return
    }
  }
}

async function* pagesOf<R extends ReadOptions>(
  { back, visibility }: Listed<R>,
  range: KeyRange,
  reverse: boolean,
  left: () => number,
): AsyncIterableIterator<readonly Entry[]> {
  let after: StoreKey | undefined
  while (left() > 0) {
    const size = Math.min(PAGE, left())
    const { entries, isLast } = await back.scan(range, { after, limit: size, reverse })
    // From the back tier, as the page itself: a front may not know the tags.
    const seen = await visibility.seeAll(entries, { consistency: 'linearizable' } as R)
    yield seen.filter((entry) => entry !== undefined)
    if (isLast) return
    after = entries.at(-1)?.key
    // A back tier that answers at once would otherwise keep everyone else waiting until the end.
    await new Promise<void>((resolve) => afterTurn(resolve))
  }
}
