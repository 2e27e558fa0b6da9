import {
  afterTurn,
  type Back,
  type Clock,
  type Found,
  type KeyRange,
  prefixRange,
  type StoreKey,
  TAG_KEYS,
  userRanges,
  Visibility,
} from '@tidemark/core'
import type { WarmOptions } from './warm-options.ts'
import { walkedPages } from './walked-pages.ts'

const PAGE = 500

/** Answers of the back tier, which say where they were read. */
export interface WarmPage {
  /** Entries that readers see. */
  readonly found: readonly Found[]
  /** Of the whole run, as far as it is known. */
  readonly total: number
}

/** What is to be warmed: none of what the store keeps for itself, nor of what readers do not see any more. At least one page. */
export async function* pagesOf(back: Back, { prefix = [], walk }: WarmOptions, clock: Clock): AsyncIterable<WarmPage> {
  const visible = new Visibility(back, clock)
  if (walk !== undefined) {
    let done = 0
    for await (const { found, waiting } of walkedPages(back, walk, { visible, limit: PAGE })) {
      done += found.length
      yield { found, total: done + waiting }
    }
    return
  }
  const ranges = userRanges(prefixRange(prefix))
  const counts = await Promise.all(ranges.map((range) => back.count(range)))
  let total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) yield { found: [], total }
  for (const [i, range] of ranges.entries()) {
    if (counts[i] === 0) continue
    for await (const stored of scanned(back, range)) {
      const seen = await visible.seeAll(
        stored.map(({ entry }) => entry),
        undefined,
      )
      const found = stored.filter((_, j) => seen[j] !== undefined)
      total -= stored.length - found.length
      yield { found, total }
    }
  }
}

/** The invalidations of tags. On a walk, and below a prefix, those are asked for as the entries that carry them are read. */
export async function* tagPages(back: Back, { prefix = [], walk }: WarmOptions): AsyncIterable<readonly Found[]> {
  const isOfAll = walk === undefined && Array.isArray(prefix) && prefix.length === 0
  if (!isOfAll || (await back.count(TAG_KEYS)) === 0) return
  for await (const stored of scanned(back, TAG_KEYS)) {
    yield stored
    await new Promise<void>(afterTurn)
  }
}

async function* scanned(back: Back, range: KeyRange): AsyncIterable<readonly Found[]> {
  let after: StoreKey | undefined
  for (let isMore = true; isMore;) {
    const { entries, isLast, asOf } = await back.scan(range, { after, limit: PAGE, reverse: false })
    yield entries.map((entry) => ({ entry, asOf, until: entry.expiresAt ?? Infinity, tier: back.name }))
    isMore = !isLast
    after = entries.at(-1)?.key
  }
}
