import {
  type Entry,
  type KeyRange,
  type LogChange,
  type ScanPage,
  type StoreKey,
  tagKey,
  tagsOf,
  userRanges,
  compareBytes,
  type WriteSource,
} from '@tidemark/core'
import type { SyncSource } from './incoming.ts'
import { rowsOf } from './rows-of.ts'
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
  /** Every key of the range up to here is in this page, or in one before, encoded. */
  readonly shownTo: Uint8Array
}

/** After every key: their first byte is a type code, all below 0xff. */
const LAST = Uint8Array.of(0xff)

/**
 * Pages of the source's entries in key order; each as of a moment of its own.
 * @param shownTo what is behind it is wanted; undefined: everything
 */
export async function* pagesOf(
  from: SyncSource,
  range: KeyRange,
  limit: number,
  shownTo: Uint8Array | undefined,
): AsyncGenerator<CopiedPage, undefined> {
  for (const part of userRanges(range)) {
    const end = part.end ?? LAST
    if (shownTo !== undefined && compareBytes(shownTo, end) >= 0) continue
    const start = shownTo !== undefined && compareBytes(shownTo, part.start) >= 0 ? behind(shownTo) : part.start
    let after: StoreKey | undefined
    for (let isLast = false; !isLast;) {
      const page: ScanPage = await from.scan({ start, end: part.end }, { after, limit, reverse: false })
      after = page.entries.at(-1)?.key ?? after
      isLast = page.isLast
      yield {
        entries: await copiedEntries(from, page.entries),
        asOf: page.asOf,
        shownTo: isLast ? end : after!.bytes,
      }
    }
  }
}

/** The lowest key after this one. */
function behind(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}

async function copiedEntries(from: SyncSource, entries: readonly Entry[]): Promise<readonly CopiedEntry[]> {
  const valid = await withValidTags(from, entries)
  const rows = await rowsOf(
    from.log,
    valid.map(({ version }) => version),
  )
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
    const range = { start: key.bytes, end: behind(key.bytes) }
    const { entries: found } = await from.scan(range, { after: undefined, limit: 1, reverse: false })
    epochs.set(tag, found[0]?.version ?? 0)
  }
  return entries.filter((entry) => tagsOf(entry).every((tag) => epochs.get(tag)! < entry.version))
}
