import {
  afterTurn,
  type Back,
  type Clock,
  compareBytes,
  type Entry,
  type KeyRange,
  type LogChange,
  type ScanPage,
  type StoreKey,
  tagOfKey,
  tagsOf,
  TidemarkError,
  toListedEntry,
  userRanges,
  readEpochs,
  seenWith,
} from '@tidemark/core'
import { LogReader } from '../log-reader.ts'
import { inEpoch, startAt, type Start } from '../resume.ts'
import type { ShowChanges } from './change-view.ts'
import type { CatchUpStep, SnapshotEntry, SnapshotStep } from './snapshot-step.ts'

/** What a snapshot is taken of: a back tier, or a tiered store, perhaps with a shared log. */
export type SnapshotSource = Pick<Back, 'scan' | 'read' | 'log'>

export interface SnapshotOptions<T> {
  readonly range: KeyRange
  /** Entries or changes at a time. */
  readonly batch: number
  readonly clock: Clock
  readonly show: ShowChanges<T>
}

/**
 * Shows the entries of a range while others write. Each page of entries has its own snapshot; before one is shown, the
 * log is followed up to that snapshot for the keys of all pages before. So what was shown is at every step what the
 * store held at one position, and nothing has to be remembered but how far the scan has come: no gap, no change twice,
 * nothing that was deleted comes back. The log has to reach back no further than to the page before.
 *
 * @returns where everything was shown
 * @throws CompactedError when the log has lost what lies between two pages; what `LogReader` throws
 */
export async function* snapshotOf<T>(
  source: SnapshotSource,
  { range, batch, clock, show }: SnapshotOptions<T>,
  signal: AbortSignal,
): AsyncGenerator<SnapshotStep<T> | CatchUpStep<T>, Start> {
  const { log } = source
  // The look at the log is what meets a restore that was declared elsewhere.
  await log.head()
  const { epoch } = log.identity
  const scan = (part: KeyRange, after: StoreKey | undefined): Promise<ScanPage> =>
    inEpoch(log, epoch, () => source.scan(part, { after, limit: batch, reverse: false }))
  let reader: LogReader | undefined
  /** Every user key of the range before this one was shown; undefined: none was. */
  let shownTo: Uint8Array | undefined
  const concernsShown = ({ key }: LogChange): boolean =>
    shownTo !== undefined && (compareBytes(key.bytes, shownTo) <= 0 || tagOfKey(key) !== undefined)
  for (const part of userRanges(range)) {
    let after: StoreKey | undefined
    for (let isLast = false; !isLast;) {
      signal.throwIfAborted()
      const page = await scan(part, after)
      const { entries, asOf } = page
      reader ??= new LogReader(log, batch, { seq: asOf, epoch })
      if (asOf < reader.position) throw wentBack(asOf, reader.position)
      const late: LogChange[] = []
      while (reader.position < asOf) {
        const { changes: rows } = await reader.next(signal, asOf - reader.position)
        // A page of the log may be longer than it was asked for. What is newer than the entries comes after them.
        const beyond = rows.findIndex(({ seq }) => seq > asOf)
        if (beyond >= 0) late.push(...rows.slice(beyond))
        const changes = await show(rows, (row) => row.seq <= asOf && concernsShown(row))
        if (changes.length > 0) yield { kind: 'catch-up', changes }
        await new Promise<void>(afterTurn)
      }
      // As of this page, and nothing newer: what took the place of an entry meanwhile comes as a change, as does the
      // invalidation of its tag.
      const epochs = await readEpochs(source, entries, { consistency: 'linearizable' })
      const now = clock.now()
      const visible = entries.flatMap((entry) => (seenWith(entry, epochs, now) ? [toSnapshotEntry<T>(entry)] : []))
      if (visible.length > 0) yield { kind: 'snapshot', entries: visible, asOf }
      after = entries.at(-1)?.key
      isLast = page.isLast
      shownTo = isLast ? (part.end ?? LAST) : after!.bytes
      const changes = late.length === 0 ? [] : await show(late, concernsShown)
      if (changes.length > 0) yield { kind: 'catch-up', changes }
      // A back tier that answers at once would otherwise keep everyone else waiting until the end.
      await new Promise<void>(afterTurn)
    }
  }
  // Without a reader there was no key that a user could have.
  const position = reader?.position ?? (await log.head())
  return inEpoch(log, epoch, () => startAt(log, position, batch))
}

/** After every key: their first byte is a type code, all below 0xff. */
const LAST = Uint8Array.of(0xff)

function toSnapshotEntry<T>(entry: Entry): SnapshotEntry<T> {
  return Object.freeze(Object.assign(toListedEntry<T>(entry), { tags: tagsOf(entry) }))
}

function wentBack(asOf: number, position: number): TidemarkError {
  return new TidemarkError(
    'LOG_AHEAD',
    `the store is at ${asOf}, before ${position}, which was read from its log: an older state of it was restored; start again`,
  )
}
