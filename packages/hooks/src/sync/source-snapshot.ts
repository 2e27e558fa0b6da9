import {
  type Entry,
  type KeyRange,
  type LogChange,
  type ScanPage,
  StoreKey,
  tagKey,
  tagsOf,
  userRanges,
  compareBytes,
  type WriteSource,
} from '@tidemark/core'
import type { SyncSource } from './incoming.ts'
import { readStampMarks } from './stamp-marks.ts'

/** An entry of the source, and where it was written first. */
export interface CopiedEntry {
  readonly entry: Entry
  readonly row: LogChange | undefined
  readonly source: WriteSource
}

export interface CopiedPage {
  readonly entries: readonly CopiedEntry[]
  readonly asOf: number
  /** Of the page, whether or not it is copied; undefined: the page is empty. */
  readonly last: StoreKey | undefined
}

/** Pages of the source's entries in key order, from behind a key on; each as of a moment of its own. */
export async function* pagesOf(
  from: SyncSource,
  range: KeyRange,
  limit: number,
  after: Uint8Array | undefined,
): AsyncGenerator<CopiedPage, undefined> {
  let last = after === undefined ? undefined : StoreKey.fromBytes(after)
  for (const part of userRanges(range)) {
    if (last !== undefined && part.end !== undefined && compareBytes(last.bytes, part.end) >= 0) continue
    for (let isMore = true; isMore;) {
      const page: ScanPage = await from.scan(part, { after: last, limit, reverse: false })
      last = page.entries.at(-1)?.key ?? last
      isMore = page.entries.length === limit
      yield { entries: await copiedEntries(from, page.entries), asOf: page.asOf, last: page.entries.at(-1)?.key }
    }
  }
}

async function copiedEntries(from: SyncSource, entries: readonly Entry[]): Promise<readonly CopiedEntry[]> {
  const valid = await withValidTags(from, entries)
  const rows = await from.log.at(valid.map(({ version }) => version))
  const lost = valid.filter((_, i) => rows[i] === undefined)
  // What was copied to the source itself may be older than its log: the source remembers, if it was the last writer's.
  const marks =
    lost.length > 0 && from.marks
      ? await readStampMarks(
          from.marks,
          lost.map(({ key }) => key),
        )
      : undefined
  const { id } = from.log.identity
  return valid.map((entry, i) => {
    const row = rows[i]
    const mark = marks?.get(entry.key.id)
    const here = { log: id, seq: entry.version, at: entry.writtenAt }
    const first = row?.source ?? (mark?.version === entry.version ? mark.stamp : here)
    return { entry, row, source: { ...first, origin: row?.origin ?? '' } }
  })
}

/**
 * Entries with an invalidated tag are not copied: in the target they would be newer than the invalidation. The tags are
 * looked up after the entries, so one that is invalidated in between hides its entries; that it was invalidated follows.
 */
async function withValidTags(from: SyncSource, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const tags = new Set(entries.flatMap((entry) => (entry.meta === undefined ? [] : tagsOf(entry))))
  if (tags.size === 0) return entries
  const epochs = new Map<string, number>()
  for (const tag of tags) {
    const key = tagKey(tag)
    const end = new Uint8Array(key.bytes.length + 1)
    end.set(key.bytes)
    const range = { start: key.bytes, end }
    const { entries: found } = await from.scan(range, { after: undefined, limit: 1, reverse: false })
    epochs.set(tag, found[0]?.version ?? 0)
  }
  return entries.filter((entry) => tagsOf(entry).every((tag) => epochs.get(tag)! < entry.version))
}
