import { prefixRange } from '../keys/key-range.ts'
import type { Key } from '../keys/key.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Back, ReadOptions, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'

/** Keys per commit: the log never splits a commit, so one huge commit would have to be held whole by every reader. */
const BATCH = 500

/** What is cleared; given no option, everything. */
export interface ClearOptions {
  /** Only keys that start with these parts. @default everything */
  readonly prefix?: Key | readonly []
}

/** Deletes what was there at the start, page by page; entries with a newer version than that are left alone. */
export async function clearRange<R extends ReadOptions, W extends object>(
  back: Back<R, W>,
  options?: ClearOptions & W,
): Promise<{ readonly deleted: number }> {
  const range = prefixRange(options?.prefix ?? [])
  let start: number | undefined
  let after: StoreKey | undefined
  let deleted = 0
  for (;;) {
    const page = await back.scan(range, { after, limit: BATCH, reverse: false })
    const asOf = (start ??= page.asOf)
    const decide = (current: readonly (Entry | undefined)[]): readonly Write[] =>
      current.flatMap((entry) => (entry && entry.version <= asOf ? [{ op: 'delete', key: entry.key } as const] : []))
    const reads = page.entries.map((entry) => entry.key)
    if (reads.length > 0) deleted += (await back.commit({ reads, decide }, options)).changes.length
    if (page.entries.length < BATCH) return { deleted }
    after = reads.at(-1)
  }
}
