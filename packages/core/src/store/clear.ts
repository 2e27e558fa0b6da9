import { prefixRange, type KeyRange } from '../keys/key-range.ts'
import type { Key } from '../keys/key.ts'
import { userRanges } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Back, ReadOptions, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import type { Visibility } from './visibility.ts'

/** Keys per commit: the log never splits a commit, so one huge commit would have to be held whole by every reader. */
const BATCH = 500

/** What is cleared; given no option, everything. */
export interface ClearOptions {
  /** Only keys that start with these parts. @default everything */
  readonly prefix?: Key | readonly []
}

/**
 * Deletes what was there at the start, page by page; entries with a newer version than that are left alone. What readers
 * did not see any more is deleted too, and not counted. What is being loaded at the start is not stored, also where there
 * is nothing to delete.
 */
export async function clearRange<R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  visibility: Visibility<R>,
  options?: ClearOptions & W,
): Promise<{ readonly deleted: number }> {
  let start: number | undefined
  let deleted = 0
  const ranges = userRanges(prefixRange(options?.prefix ?? []))
  for (const range of ranges) await back.leases.endRange(range)
  for (const range of ranges) {
    for await (const { entries, asOf } of pagesOf(back, range)) {
      start ??= asOf
      deleted += await deletePage(back, visibility, entries, start, options)
    }
  }
  return { deleted }
}

async function* pagesOf<R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  range: KeyRange,
): AsyncGenerator<{ readonly entries: readonly Entry[]; readonly asOf: number }> {
  let after: StoreKey | undefined
  for (;;) {
    const page = await back.scan(range, { after, limit: BATCH, reverse: false })
    yield page
    if (page.isLast) return
    after = page.entries.at(-1)?.key
  }
}

async function deletePage<R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  visibility: Visibility<R>,
  entries: readonly Entry[],
  asOf: number,
  options: W | undefined,
): Promise<number> {
  if (entries.length === 0) return 0
  const seen = await visibility.seeAll(entries, { consistency: 'linearizable' } as R)
  const hidden = new Set(entries.filter((_, i) => seen[i] === undefined).map(({ key }) => key.id))
  const decide = (current: readonly (Entry | undefined)[]): readonly Write[] =>
    current.flatMap((entry) => (entry && entry.version <= asOf ? [{ op: 'delete', key: entry.key } as const] : []))
  const { changes } = await back.commit({ reads: entries.map(({ key }) => key), decide }, options)
  return changes.filter(({ key }) => !hidden.has(key.id)).length
}
