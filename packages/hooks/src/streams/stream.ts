import { afterTurn, CompactedError, type Log } from '@tidemark/core'
import type { ResolvedOptions } from '../changes-options.ts'
import { LogReader } from '../log-reader.ts'
import { inEpoch, startAfterToken, startAtBeginning, startAtTime, startNow, type Start } from '../resume.ts'
import { encodeToken } from '../token.ts'
import { changeView } from './change-view.ts'
import { type SnapshotSource, snapshotOf } from './snapshot.ts'
import type { FollowStep } from './snapshot-step.ts'
import { tokenAfter } from './token-after.ts'

/**
 * So often in a row may a snapshot be overtaken by compaction: a log that holds less than what is written while one page
 * of entries is read is never caught up with.
 */
const MAX_RESTARTS = 16

export interface StreamSource {
  readonly log: Log
  /** What snapshots are taken of, where the options ask for them. */
  readonly back: Omit<SnapshotSource, 'log'> | undefined
}

/** The steps of one subscriber: it finds its place, and goes on from there; and does both again where the options say so. */
export async function* stream<T>(
  source: StreamSource,
  options: ResolvedOptions,
  signal: AbortSignal,
): AsyncGenerator<FollowStep<T>, undefined> {
  let overtaken: CompactedError | undefined
  /** Of the log that the subscriber is in. A snapshot begins anew, in whichever there is then. */
  let epoch: number | undefined
  for (let restarts = 0; ; restarts++) {
    try {
      const start: Start =
        overtaken === undefined
          ? yield* firstPlace<T>(source, options, signal)
          : yield* nextPlace<T>(source, options, overtaken, epoch, signal)
      restarts = 0
      epoch = start.epoch
      yield* fromThere<T>(source.log, options, start, signal)
    } catch (error) {
      if (!(error instanceof CompactedError) || options.onCompacted === 'error' || restarts === MAX_RESTARTS)
        throw error
      overtaken = error
    }
  }
}

async function* firstPlace<T>(
  source: StreamSource,
  options: ResolvedOptions,
  signal: AbortSignal,
): AsyncGenerator<FollowStep<T>, Start> {
  const { log } = source
  const { after, from, bookmarks } = options
  if (after === undefined && from === 'snapshot') return yield* afterSnapshot<T>(source, options, signal)
  const start = await startOf(log, options, signal)
  if (bookmarks) yield { kind: 'changes', changes: [], token: encodeToken(start), head: start.page.head }
  return start
}

function startOf(log: Log, { after, from, batch }: ResolvedOptions, signal: AbortSignal): Promise<Start> {
  if (after !== undefined) return startAfterToken(log, after, batch)
  if (typeof from === 'number') return startAtTime(log, from, batch, signal)
  return from === 'start' ? startAtBeginning(log, batch) : startNow(log, batch)
}

/** Where a subscriber goes on that was overtaken by compaction. */
async function* nextPlace<T>(
  source: StreamSource,
  options: ResolvedOptions,
  reason: CompactedError,
  epoch: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<FollowStep<T>, Start> {
  if (options.onCompacted === 'snapshot') {
    yield { kind: 'restart', reason }
    return yield* afterSnapshot<T>(source, options, signal)
  }
  const { log } = source
  const now = (): Promise<Start> => startNow(log, options.batch)
  const start = await (epoch === undefined ? now() : inEpoch(log, epoch, now))
  const skipped = { after: reason.after, to: start.seq }
  yield { kind: 'changes', changes: [], token: encodeToken(start), head: start.page.head, skipped }
  return start
}

async function* afterSnapshot<T>(
  { log, back }: StreamSource,
  options: ResolvedOptions,
  signal: AbortSignal,
): AsyncGenerator<FollowStep<T>, Start> {
  const source = { scan: back!.scan.bind(back), read: back!.read.bind(back), log }
  const start = yield* snapshotOf<T>(source, { ...options, show: changeView<T>(log, options) }, signal)
  yield { kind: 'ready', token: encodeToken(start), head: start.page.head }
  return start
}

async function* fromThere<T>(
  log: Log,
  options: ResolvedOptions,
  start: Start,
  signal: AbortSignal,
): AsyncGenerator<FollowStep<T>, never> {
  const { batch, bookmarks } = options
  const show = changeView<T>(log, options)
  const reader = new LogReader(log, batch, start)
  for (;;) {
    const { changes: rows, head } = await reader.next(signal)
    const shown = show(rows)
    const changes = shown instanceof Promise ? await shown : shown
    if (changes.length > 0 || bookmarks) {
      yield { kind: 'changes', changes, token: tokenAfter(rows, start), head }
    }
    // An embedded log answers without leaving the turn: a long replay would let nothing else run.
    if (head > reader.position) await new Promise<void>(afterTurn)
  }
}
