import { afterTurn, CompactedError, TidemarkError } from '@tidemark/core'
import { LogReader } from '../log-reader.ts'
import { startAfterToken } from '../resume.ts'
import { encodeToken } from '../token.ts'
import { copy } from './copy.ts'
import { assertNotDropped } from './dropped.ts'
import { Intake } from './incoming.ts'
import { LastWriterMerge } from './merge-last-writer.ts'
import type { Merge } from './merge-plan.ts'
import { VersionMerge } from './merge-versions.ts'
import { PartCopies } from './part-copies.ts'
import { begin, fresh, placeAt, readCheckpoint, sweepFrom, withScope } from './place.ts'
import { pruneStamps } from './prune-stamps.ts'
import { assertSameSync } from './sync-scope.ts'
import { TargetWriter } from './target-writer.ts'
import type { TenureOptions } from './tenure-options.ts'
import { WantedChanges } from './wanted-changes.ts'
import { WrittenVersions } from './written-versions.ts'

/** What a log says of a place in it that is gone for good. Another log has never had it: see `assertSameSync`. */
const DEAD: readonly string[] = ['LOG_COMPACTED', 'LOG_AHEAD', 'LOG_EPOCH_CHANGED', 'LOG_DIVERGED', 'LOG_GAP']

/** So often in a row may a snapshot be overtaken by compaction. */
const MAX_RESTARTS = 16

function isDead(error: unknown): boolean {
  return error instanceof CompactedError || (error instanceof TidemarkError && DEAD.includes(error.code))
}

/**
 * The work of a sync while it holds the lease: finds its place, copies what there is, and follows. Until the signal aborts.
 * @throws what the stores throw; the reason of the signal
 */
export async function runTenure(options: TenureOptions): Promise<never> {
  const { from, to, name, scope } = options
  const stored = await readCheckpoint(to, name)
  assertNotDropped(name, options.met, stored)
  if (stored !== undefined) assertSameSync(name, stored, { log: from.log.identity.id, scope })
  const merge = await mergeOf(options)
  // The look at the log is what meets a restore that was declared elsewhere.
  await from.log.head()
  const place = stored === undefined ? await begin(options) : await withScope(stored, options)
  options.onMet(place)
  return new Tenure(options, merge, new TargetWriter(options, merge, place)).work(stored === undefined)
}

async function mergeOf({ from, to, name, conflict }: TenureOptions): Promise<Merge> {
  if (conflict.policy === 'lastWriter') return new LastWriterMerge(from, to, name)
  return new VersionMerge(to, name, await WrittenVersions.load(to.marks, to.codec, name), conflict.resolve)
}

class Tenure {
  readonly #options: TenureOptions
  readonly #merge: Merge
  readonly #writer: TargetWriter
  readonly #wanted: WantedChanges

  constructor(options: TenureOptions, merge: Merge, writer: TargetWriter) {
    const { from, to, onEvent } = options
    this.#options = options
    this.#merge = merge
    this.#writer = writer
    const intake = new Intake(from, to.codec, options, (key, seq, error) =>
      onEvent({ kind: 'entry-failed', key: key.id, seq, error }),
    )
    this.#wanted = new WantedChanges(intake, to, new PartCopies(options, intake), options)
  }

  async work(isFirst: boolean): Promise<never> {
    const { onCompacted, onEvent, onState } = this.#options
    const writer = this.#writer
    for (let restarts = isFirst ? 1 : 0; ; restarts++) {
      try {
        const reader = await this.#reader()
        const { snapshot, seq } = writer.place
        if (snapshot !== undefined) {
          onState({ phase: 'snapshot', position: seq })
          const parts = { options: this.#options, wanted: this.#wanted, writer, merge: this.#merge }
          await copy(parts, reader, snapshot)
        }
        restarts = 0
        return await this.#follow(reader)
      } catch (error) {
        const isOver = writer.place.snapshot === undefined && onCompacted === 'error'
        if (!isDead(error) || isOver || restarts >= MAX_RESTARTS) throw error
        onEvent({ kind: 'restart', error })
        const { begun } = writer.place
        writer.startAt(await fresh(this.#options, { sweepUpTo: await sweepFrom(this.#options), begun }))
      } finally {
        // What failed begins anew, and is not to wait for itself.
        await this.#wanted.stored().catch(() => undefined)
      }
    }
  }

  /** Where the checkpoint says. @throws what tells of a place that is gone */
  async #reader(): Promise<LogReader> {
    const { from, batch } = this.#options
    const { log, epoch, seq, check } = this.#writer.place
    const start = await startAfterToken(from.log, encodeToken({ id: log, epoch, seq, check }), batch)
    return new LogReader(from.log, batch, start)
  }

  async #follow(reader: LogReader): Promise<never> {
    const { from, signal, batch, conflict, onState, onTaken } = this.#options
    const writer = this.#writer
    // A process that died may have left something to look at.
    await writer.mergeLocal()
    onState({ phase: 'following', position: writer.place.seq })
    const stopPruning = conflict.policy === 'lastWriter' ? pruneStamps({ ...this.#options, ...conflict }) : undefined
    try {
      for (;;) {
        const { changes: rows, head } = await reader.next(signal)
        const items = await this.#wanted.ofChanges(rows)
        const place = await placeAt(from, writer.place, reader.position, rows)
        // Where nothing was wanted, the place in the log need not be stored at once: nothing is taken twice.
        if (items.length > 0 || place.seq - writer.place.seq >= batch) {
          await writer.apply(items, place, rows.length)
          await this.#wanted.stored()
        } else {
          onTaken(rows.length)
          writer.saveSoon(place)
        }
        onState({ phase: 'following', position: reader.position, head, error: undefined })
        if (head > reader.position) await new Promise<void>(afterTurn)
      }
    } finally {
      writer.stopSaving()
      await stopPruning?.()
    }
  }
}
