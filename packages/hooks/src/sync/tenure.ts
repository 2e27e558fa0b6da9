import {
  afterTurn,
  type Back,
  CompactedError,
  compareBytes,
  type Lease,
  type LogChange,
  prefixRange,
  type StoreKey,
  TidemarkError,
  userRanges,
} from '@tidemark/core'
import { checkOf, NO_CHECK } from '../check.ts'
import { LogReader } from '../log-reader.ts'
import { inEpoch, startAfterToken } from '../resume.ts'
import { encodeToken } from '../token.ts'
import { type Checkpoint, encodeCheckpoint, type SnapshotProgress } from './checkpoint.ts'
import { type Incoming, Intake, type SyncSource } from './incoming.ts'
import { LocalChanges } from './local-changes.ts'
import { LastWriterMerge } from './merge-last-writer.ts'
import { type Merge, type MergePlan, Overtaken } from './merge-plan.ts'
import { VersionMerge } from './merge-versions.ts'
import { begin, fresh, readCheckpoint, sweepFrom, withScope } from './place.ts'
import { pagesOf } from './source-snapshot.ts'
import { decodeStampMark } from './stamp-marks.ts'
import type { SyncConflict } from './sync-conflict.ts'
import { checkpointKey, isUserKey, keyOfStamp, STAMPS } from './sync-keys.ts'
import type { ResolvedSyncOptions } from './sync-options.ts'
import { assertSameSync } from './sync-scope.ts'
import type { SyncEvent, SyncState } from './sync-state.ts'
import { WrittenVersions } from './written-versions.ts'

/** What a log says of a place in it that is gone for good. Another log has never had it: see `assertSameSync`. */
const DEAD: readonly string[] = ['LOG_COMPACTED', 'LOG_AHEAD', 'LOG_EPOCH_CHANGED', 'LOG_DIVERGED', 'LOG_GAP']

/** So often in a row may a snapshot be overtaken by compaction. */
const MAX_RESTARTS = 16

/** How long a place that was reached without a commit stays unsaved. */
const SAVE_MS = 100

export type SyncTarget = Pick<Back, 'log' | 'scan' | 'read' | 'commit' | 'leases' | 'marks' | 'codec'>

export interface TenureOptions extends ResolvedSyncOptions {
  readonly from: SyncSource
  readonly to: SyncTarget
  readonly lease: Lease
  readonly signal: AbortSignal
  readonly onState: (some: Partial<SyncState>) => void
  /** So many entries or changes have been dealt with, all for good. */
  readonly onTaken: (count: number) => void
  readonly onEvent: (event: SyncEvent) => void
  readonly onConflicts: (conflicts: readonly SyncConflict[]) => void
}

function isDead(error: unknown): boolean {
  return error instanceof CompactedError || (error instanceof TidemarkError && DEAD.includes(error.code))
}

/** The work of a sync while it holds the lease: finds its place, copies what there is, and follows. */
export class Tenure {
  readonly #options: TenureOptions
  readonly #intake: Intake
  readonly #key: StoreKey
  readonly #merge: Merge
  readonly #local: LocalChanges
  #place: Checkpoint
  /** Where the sync has come to without anything to store. */
  #unsaved: Checkpoint | undefined
  #saving: Promise<void> | undefined
  #cancelSave: (() => void) | undefined

  private constructor(options: TenureOptions, merge: Merge, place: Checkpoint) {
    const { from, to, onEvent, name } = options
    this.#options = options
    this.#key = checkpointKey(name)
    this.#merge = merge
    this.#place = place
    this.#local = new LocalChanges(to.log, place.looked)
    this.#intake = new Intake(from, to.codec, options, (key, seq, error) =>
      onEvent({ kind: 'entry-failed', key: key.id, seq, error }),
    )
  }

  /** Works until the signal aborts. @throws what the stores throw; the reason of the signal */
  static async run(options: TenureOptions): Promise<never> {
    const { from, to, name, scope, conflict } = options
    const stored = await readCheckpoint(to, name)
    if (stored !== undefined) assertSameSync(name, stored, { log: from.log.identity.id, scope })
    const merge =
      conflict.policy === 'lastWriter'
        ? new LastWriterMerge(from, to, name)
        : new VersionMerge(to, name, await WrittenVersions.load(to.marks, to.codec, name), conflict.resolve)
    // The look at the log is what meets a restore that was declared elsewhere.
    await from.log.head()
    const place = stored === undefined ? await begin(options) : await withScope(stored, options)
    return new Tenure(options, merge, place).#work(stored === undefined)
  }

  async #work(isFirst: boolean): Promise<never> {
    const { onCompacted, onEvent } = this.#options
    for (let restarts = isFirst ? 1 : 0; ; restarts++) {
      try {
        const reader = await this.#reader()
        if (this.#place.snapshot !== undefined) {
          this.#options.onState({ phase: 'snapshot', position: this.#place.seq })
          await this.#copy(reader, this.#place.snapshot)
        }
        restarts = 0
        return await this.#follow(reader)
      } catch (error) {
        const isOver = this.#place.snapshot === undefined && onCompacted === 'error'
        if (!isDead(error) || isOver || restarts >= MAX_RESTARTS) throw error
        onEvent({ kind: 'restart', error })
        this.#place = await fresh(this.#options, await sweepFrom(this.#options))
      }
    }
  }

  /** Where the checkpoint says. @throws what tells of a place that is gone */
  async #reader(): Promise<LogReader> {
    const { from, batch } = this.#options
    const { log, epoch, seq, check } = this.#place
    const start = await startAfterToken(from.log, encodeToken({ id: log, epoch, seq, check }), batch)
    return new LogReader(from.log, batch, start)
  }

  /** See `snapshotOf`, whose recipe this is: between two pages of entries, the log is followed for what was copied before. */
  async #copy(reader: LogReader, progress: SnapshotProgress): Promise<void> {
    const { from, range, batch, signal, conflict } = this.#options
    const { epoch } = this.#place
    const isAll = conflict.policy === 'lastWriter'
    const start = reader.position
    let { shownTo } = progress
    const concerns = ({ key }: LogChange): boolean =>
      // By their stamps, changes of what is still to come do no harm; and nothing else tells of what was deleted.
      isAll || (shownTo !== undefined && (compareBytes(key.bytes, shownTo) <= 0 || !isUserKey(key)))
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
        await this.#apply(await this.#changes(due), await this.#at(Math.min(reader.position, page.asOf), rows))
        this.#options.onState({ head })
      }
      shownTo = page.shownTo
      // Where all changes are taken, those of the later entries were.
      const due = isAll ? page.entries.filter(({ entry }) => entry.version <= start) : page.entries
      const items = due.flatMap(({ entry, row, source }) => this.#wanted(this.#intake.ofEntry(entry, row, source)))
      const snapshot = { ...progress, shownTo }
      await this.#apply(items, { ...(await this.#at(page.asOf, [])), snapshot }, page.entries.length)
      if (late.length > 0)
        await this.#apply(await this.#changes(late.filter(concerns)), await this.#at(reader.position, late))
      await new Promise<void>(afterTurn)
    }
    if (isAll) await this.#copyTombstones()
    if (progress.sweepUpTo !== undefined) await this.#sweep(progress.sweepUpTo)
    await this.#apply([], { ...this.#place, snapshot: undefined })
  }

  async #follow(reader: LogReader): Promise<never> {
    const { signal, batch, onState } = this.#options
    // A process that died may have left something to look at.
    await this.#mergeLocal()
    onState({ phase: 'following', position: this.#place.seq })
    try {
      for (;;) {
        const { changes: rows, head } = await reader.next(signal)
        const items = await this.#changes(rows)
        const place = await this.#at(reader.position, rows)
        // Where nothing was wanted, the place in the log need not be stored at once: nothing is taken twice.
        if (items.length > 0 || place.seq - this.#place.seq >= batch) await this.#apply(items, place, rows.length)
        else {
          this.#options.onTaken(rows.length)
          this.#saveSoon(place)
        }
        onState({ phase: 'following', position: reader.position, head, error: undefined })
        if (head > reader.position) await new Promise<void>(afterTurn)
      }
    } finally {
      this.#unsaved = undefined
      this.#cancelSave?.()
    }
  }

  /** The place is told to those who stand by, and kept near the head of the source, whose log may be compacted. */
  #saveSoon(place: Checkpoint): void {
    this.#unsaved = place
    this.#cancelSave ??= this.#options.clock.schedule(SAVE_MS, () => {
      this.#cancelSave = undefined
      this.#saving = this.#save()
    })
  }

  async #save(): Promise<void> {
    const { to, lease } = this.#options
    const place = this.#unsaved
    if (place === undefined) return
    this.#unsaved = undefined
    try {
      await to.marks.write([{ key: this.#key, value: encodeCheckpoint(to.codec, place) }], { lease })
      this.#place = place
    } catch {
      // What is wrong is met, and told, by the next commit.
    }
  }

  /** What the source remembers to have deleted: entries tell of none of it. */
  async #copyTombstones(): Promise<void> {
    const { from, batch } = this.#options
    if (from.marks === undefined) return
    let after: StoreKey | undefined
    for (;;) {
      const marks = await from.marks.scan(STAMPS, { after, limit: batch })
      const items = marks.flatMap(({ key, value }) => {
        const { stamp, version } = decodeStampMark(value)
        const source = { ...stamp, origin: '' }
        return version > 0 ? [] : this.#wanted(this.#intake.ofTombstone(keyOfStamp(key), source))
      })
      if (items.length > 0) await this.#apply(items, this.#place)
      if (marks.length < batch) return
      after = marks.at(-1)!.key
    }
  }

  /** Deletes what the sync has written before, and not again: the source has it no more. */
  async #sweep(upTo: number): Promise<void> {
    const { to, batch, map, range, signal } = this.#options
    for (const part of userRanges(map === undefined ? range : prefixRange([]))) {
      let after: StoreKey | undefined
      for (let isMore = true; isMore;) {
        signal.throwIfAborted()
        const { entries } = await to.scan(part, { after, limit: batch, reverse: false })
        const stale = await this.#merge.own(entries, upTo)
        if (stale.length > 0) {
          const { log, seq } = this.#place
          await this.#commitAsLongAsOvertaken(() => this.#merge.removal(stale, log, seq))
        }
        after = entries.at(-1)?.key
        isMore = entries.length === batch
        await new Promise<void>(afterTurn)
      }
    }
  }

  async #changes(rows: readonly LogChange[]): Promise<readonly Incoming[]> {
    const { to, conflict } = this.#options
    const { id } = to.log.identity
    const isLastWriter = conflict.policy === 'lastWriter'
    const returned = rows.filter(({ source }) => source?.log === id)
    const lost = isLastWriter && returned.length > 0 ? await lostBy(to.log, returned) : NONE
    return rows.flatMap((row, i) => {
      // That a deletion was announced is nothing beside it.
      if (isAnnouncement(row, rows[i + 1])) return []
      // The target's own, which has come back.
      if (row.source?.log === id && !lost.has(row)) return []
      // Each store lets its entries expire by itself: that somewhere else it has happened says nothing about a later one.
      if (row.op === 'expire' && isLastWriter) return []
      return this.#wanted(this.#intake.ofChange(row))
    })
  }

  #wanted(item: Incoming | undefined): readonly Incoming[] {
    const { to, conflict } = this.#options
    if (item === undefined) return []
    // By its stamp, an entry that has come back is one that is known, or one that the target has lost.
    return item.source.log === to.log.identity.id && conflict.policy !== 'lastWriter' ? [] : [item]
  }

  async #at(seq: number, rows: readonly LogChange[]): Promise<Checkpoint> {
    const { from } = this.#options
    const row = rows.find((each) => each.seq === seq) ?? (seq === 0 ? undefined : (await from.log.at([seq]))[0])
    return { ...this.#place, seq, check: row === undefined ? NO_CHECK : checkOf(row) }
  }

  /** Commits what has come, and that it has come, at once. */
  async #apply(items: readonly Incoming[], place: Checkpoint, count = items.length): Promise<void> {
    this.#assertInTime(items)
    // An older place must not come after a newer one.
    this.#unsaved = undefined
    await this.#saving
    await this.#mergeLocal()
    const sweepUpTo = place.snapshot?.sweepUpTo
    for (;;) {
      try {
        await this.#commit(await this.#merge.plan(items, sweepUpTo), place)
        break
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
        // It may have been a deletion, which the entries do not tell of.
        await this.#mergeLocal()
      }
    }
    this.#options.onTaken(count)
    this.#options.onState({ position: place.seq, error: undefined })
    // What was deleted between the look at the log and the commit was not known to it.
    await this.#mergeLocal()
  }

  /** Takes in what the target has done by itself. */
  async #mergeLocal(): Promise<void> {
    for (let isAtHead = false; !isAtHead;) {
      const { items, isAtHead: isLast } = await this.#local.next()
      isAtHead = isLast
      if (items.length > 0) await this.#commitAsLongAsOvertaken(() => this.#merge.plan(items, undefined))
    }
  }

  async #commitAsLongAsOvertaken(plan: () => Promise<MergePlan>): Promise<void> {
    for (;;) {
      try {
        return await this.#commit(await plan(), this.#place)
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error
      }
    }
  }

  /** @throws Overtaken: nothing was written, and another plan is needed */
  async #commit(plan: MergePlan, reached: Checkpoint): Promise<void> {
    const { to, lease, signal, onEvent, onConflicts } = this.#options
    signal.throwIfAborted()
    const place = { ...reached, looked: this.#local.position }
    const mark = { key: this.#key, value: encodeCheckpoint(to.codec, place) }
    const { changes } = await to.commit({
      reads: plan.reads,
      lease,
      keepLease: true,
      notBefore: plan.notBefore,
      decide: (current) => plan.decide(current),
      marks: (made) => [...plan.marks(made), mark],
    })
    plan.committed(changes)
    this.#local.skip(changes)
    this.#place = place
    for (const { item, error } of plan.failures) {
      onEvent({ kind: 'entry-failed', key: item.key.id, seq: item.version, error })
    }
    onConflicts(plan.conflicts)
  }

  /** @throws TidemarkError CLOCK_DRIFT */
  #assertInTime(items: readonly Incoming[]): void {
    const { conflict, clock } = this.#options
    if (conflict.policy !== 'lastWriter') return
    const latest = items.reduce((at, { source }) => Math.max(at, source.at), 0)
    const ahead = latest - clock.now()
    if (ahead <= conflict.maxDriftMs) return
    throw new TidemarkError(
      'CLOCK_DRIFT',
      `the source has dated a change ${Math.round(ahead)} ms ahead of this clock, and ${conflict.maxDriftMs} are allowed: set the clocks right`,
      { retryable: true },
    )
  }
}

const NONE: ReadonlySet<LogChange> = new Set()

/** Those of a store's own changes, as another one has them, that it does not have any more: an older state was restored. */
async function lostBy(log: Back['log'], returned: readonly LogChange[]): Promise<ReadonlySet<LogChange>> {
  const floor = await log.floor()
  const recent = returned.filter(({ source }) => source!.seq > floor)
  const held = await log.at(recent.map(({ source }) => source!.seq))
  return new Set(recent.filter(({ source }, i) => held[i]?.at !== source!.at))
}

function isAnnouncement({ op, key, first, source }: LogChange, next: LogChange | undefined): boolean {
  if (op !== 'set' || source === undefined || next?.op !== 'delete') return false
  return (
    next.first === first && next.key.id === key.id && next.source?.seq === source.seq && next.source.log === source.log
  )
}

function wentBack(asOf: number, position: number): TidemarkError {
  return new TidemarkError(
    'LOG_AHEAD',
    `the source is at ${asOf}, before ${position}: an older state of it was restored`,
  )
}
