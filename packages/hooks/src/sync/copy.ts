import {
  afterTurn,
  compareBytes,
  type LogChange,
  prefixRange,
  type StoreKey,
  subjectOf,
  tagOfKey,
  TidemarkError,
  userRanges,
} from '@tidemark/core'
import type { LogReader } from '../log-reader.ts'
import { inEpoch } from '../resume.ts'
import type { SnapshotProgress } from './checkpoint.ts'
import type { Merge } from './merge-plan.ts'
import { placeAt } from './place.ts'
import { pagesOf } from './source-snapshot.ts'
import { decodeStampMark } from './stamp-marks.ts'
import { keyOfStamp, STAMPS } from './sync-keys.ts'
import type { TargetWriter } from './target-writer.ts'
import type { TenureOptions } from './tenure-options.ts'
import type { WantedChanges } from './wanted-changes.ts'

interface CopyParts {
  readonly options: TenureOptions
  readonly wanted: WantedChanges
  readonly writer: TargetWriter
  readonly merge: Merge
}

/**
 * Copies what there is: between two pages of entries, the log is followed for what was copied before. See `snapshotOf`,
 * whose recipe this is.
 */
export async function copy(parts: CopyParts, reader: LogReader, progress: SnapshotProgress): Promise<void> {
  const { options, wanted, writer } = parts
  const { from, range, batch, signal, conflict, onState } = options
  const { epoch } = writer.place
  const isAll = conflict.policy === 'lastWriter'
  const start = reader.position
  let { shownTo } = progress
  const concerns = ({ key }: LogChange): boolean =>
    // By their stamps, changes of what is still to come do no harm; and nothing else tells of what was deleted.
    isAll ||
    (shownTo !== undefined && (compareBytes(subjectOf(key).bytes, shownTo) <= 0 || tagOfKey(key) !== undefined))
  const pages = pagesOf(from, range, batch, shownTo)
  for (;;) {
    signal.throwIfAborted()
    const { value: page, done } = await inEpoch(from.log, epoch, () => pages.next())
    if (done) break
    if (page.asOf < reader.position) throw wentBack(page.asOf, reader.position)
    const late: LogChange[] = []
    while (reader.position < page.asOf) {
      const { changes: rows, head } = await reader.next(signal, page.asOf - reader.position)
      const beyond = rows.findIndex(({ seq }) => seq > page.asOf)
      if (beyond >= 0) late.push(...rows.slice(beyond))
      const due = rows.filter((row) => row.seq <= page.asOf && concerns(row))
      const seq = Math.min(reader.position, page.asOf)
      await writer.apply(await wanted.ofChanges(due), await placeAt(from, writer.place, seq, rows))
      await wanted.stored()
      onState({ head })
    }
    shownTo = page.shownTo
    // Where all changes are taken, those of the later entries were.
    const due = isAll ? page.entries.filter(({ entry }) => entry.version <= start) : page.entries
    const place = await placeAt(from, writer.place, page.asOf, [])
    const items = await wanted.ofEntries(due, page.asOf)
    await writer.apply(items, { ...place, snapshot: { ...progress, shownTo } }, page.entries.length)
    await wanted.stored()
    if (late.length > 0) {
      const items = await wanted.ofChanges(late.filter(concerns))
      await writer.apply(items, await placeAt(from, writer.place, reader.position, late))
      await wanted.stored()
    }
    await new Promise<void>(afterTurn)
  }
  if (isAll) await copyTombstones(parts)
  if (progress.sweepUpTo !== undefined) await sweep(parts, progress.sweepUpTo)
  await writer.apply([], { ...writer.place, snapshot: undefined })
}

/** What the source remembers to have deleted: entries tell of none of it. */
async function copyTombstones({ options, wanted, writer }: CopyParts): Promise<void> {
  const { from, batch, clock, conflict } = options
  if (from.marks === undefined || conflict.policy !== 'lastWriter') return
  const since = clock.now() - conflict.keepDeletionsMs
  let after: StoreKey | undefined
  for (;;) {
    const marks = await from.marks.scan(STAMPS, { after, limit: batch })
    const items = marks.flatMap(({ key, value }) => {
      const { stamp, version } = decodeStampMark(value)
      // What the target would forget at once, it has forgotten, perhaps.
      return version > 0 || stamp.at < since ? [] : wanted.ofTombstone(keyOfStamp(key), { ...stamp, origin: '' })
    })
    if (items.length > 0) await writer.apply(items, writer.place)
    if (marks.length < batch) return
    after = marks.at(-1)!.key
  }
}

/** Deletes what the sync has written before, and not again: the source has it no more. */
async function sweep({ options, writer, merge }: CopyParts, upTo: number): Promise<void> {
  const { to, batch, map, range, signal } = options
  for (const part of userRanges(map === undefined ? range : prefixRange([]))) {
    let after: StoreKey | undefined
    for (let isMore = true; isMore;) {
      signal.throwIfAborted()
      const { entries, isLast } = await to.scan(part, { after, limit: batch, reverse: false })
      const stale = await merge.own(entries, upTo)
      if (stale.length > 0) {
        const { log, seq } = writer.place
        await writer.commitPlan(() => merge.removal(stale, log, seq))
      }
      after = entries.at(-1)?.key
      isMore = !isLast
      await new Promise<void>(afterTurn)
    }
  }
}

function wentBack(asOf: number, position: number): TidemarkError {
  return new TidemarkError(
    'LOG_AHEAD',
    `the source is at ${asOf}, before ${position}: an older state of it was restored`,
  )
}
