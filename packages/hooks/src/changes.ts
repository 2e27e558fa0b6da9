import { afterTurn, type Log } from '@tidemark/core'
import type { Change } from './change.ts'
import { compileFilter } from './change-filter.ts'
import { type ChangesOptions, resolveOptions, type ResolvedOptions } from './changes-options.ts'
import { LogReader } from './log-reader.ts'
import { startAfterToken, startAtBeginning, startNow, type Start } from './resume.ts'
import { Stoppable } from './stoppable.ts'
import { shownChanges } from './streams/held-changes.ts'
import { tokenAfter } from './streams/token-after.ts'
import { encodeToken } from './token.ts'

/** A step along the log: every wanted change between the last step and `token`. Whole commits only. */
export interface ChangeBatch<T = unknown> {
  /** In seq order. Empty in a bookmark. */
  readonly changes: readonly Change<T>[]
  /** Resumes right after this batch. Store it once the batch has been dealt with. */
  readonly token: string
  /** The head of the log when the batch was read: how far behind this subscriber is. */
  readonly head: number
}

/**
 * The durable stream: every committed change of the log, of whichever process, once and in order, from where `options`
 * say. Resuming with the token of the last batch continues without gap or repetition; a subscriber that stores the token
 * after its work gets the last batch again when it dies in between (at least once), never misses one.
 *
 * Cold: each iteration reads for itself, starting with its first `next()`. Pull-based: page n+1 is read only after page n
 * was consumed, so a subscriber that stops pulling costs nothing. Waits at the end of the log; ends only when `signal`
 * aborts or `return()` is called (`break` in `for await` does), at once even during a wait. Both end it normally, not
 * with an AbortError: a stream without an end of its own leaves no doubt about why it ended. While an iteration waits it keeps
 * the process alive.
 *
 * An error ends the iteration; none of them is skipped or retried here. Resume from the last token when it is retryable.
 * @throws TypeError, RangeError at once for wrong options. While iterating: TidemarkError TOKEN_INVALID, TOKEN_FOREIGN,
 * LOG_EPOCH_CHANGED, LOG_AHEAD, LOG_DIVERGED, LOG_GAP; CompactedError; what the log throws, such as ClosedError.
 */
export function changes<T = unknown>(log: Log, options: ChangesOptions = {}): AsyncIterable<ChangeBatch<T>> {
  const resolved = resolveOptions(options)
  const isWanted = compileFilter(resolved)
  return {
    [Symbol.asyncIterator]: () =>
      new Stoppable((signal) => follow<T>(log, resolved, isWanted, signal), resolved.signal),
  }
}

async function* follow<T>(
  log: Log,
  options: ResolvedOptions,
  isWanted: ReturnType<typeof compileFilter>,
  signal: AbortSignal,
): AsyncGenerator<ChangeBatch<T>, undefined> {
  const { bookmarks, batch } = options
  const start = await startOf(log, options)
  // The log may be in another epoch later, of which these are no positions.
  const { identity } = log
  if (bookmarks) yield { changes: [], token: encodeToken({ ...identity, ...start }), head: start.page.head }
  const reader = new LogReader(log, batch, start.seq, start.page)
  for (;;) {
    const { changes: rows, head } = await reader.next(signal)
    const shown = shownChanges<T>(rows, isWanted)
    if (shown.length > 0 || bookmarks) {
      yield { changes: shown, token: tokenAfter(rows.at(-1)!, identity), head }
    }
    // An embedded log answers without leaving the turn: a long replay would let nothing else run.
    if (head > reader.position) await new Promise<void>(afterTurn)
  }
}

function startOf(log: Log, { after, from, batch }: ResolvedOptions): Promise<Start> {
  if (after !== undefined) return startAfterToken(log, after, batch)
  return from === 'start' ? startAtBeginning(log, batch) : startNow(log, batch)
}
