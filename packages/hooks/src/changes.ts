import type { Log } from '@tidemark/core'
import { type ChangesOptions, resolveChangesOptions, type SnapshotChangesOptions } from './changes-options.ts'
import { Stoppable } from './stoppable.ts'
import type { ChangeBatch } from './streams/change-batch.ts'
import type { FollowStep } from './streams/snapshot-step.ts'
import { stream } from './streams/stream.ts'

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
 * @throws TypeError, RangeError at once for wrong options. While iterating: TidemarkError TOKEN_INVALID, TOKEN_TOO_NEW,
 * TOKEN_FOREIGN, LOG_EPOCH_CHANGED, LOG_AHEAD, LOG_DIVERGED, LOG_GAP; CompactedError, which `onCompacted` may turn into
 * a snapshot or a batch that says what was skipped; what the log throws, such as ClosedError.
 */
export function changes<T = unknown>(log: Log, options: SnapshotChangesOptions): AsyncIterable<FollowStep<T>>
export function changes<T = unknown>(log: Log, options?: ChangesOptions): AsyncIterable<ChangeBatch<T>>
export function changes<T = unknown>(
  log: Log,
  options: ChangesOptions | SnapshotChangesOptions = {},
): AsyncIterable<FollowStep<T>> {
  const resolved = resolveChangesOptions(options)
  const back = options.onCompacted === 'snapshot' ? options.back : undefined
  return {
    [Symbol.asyncIterator]: () =>
      new Stoppable((signal) => stream<T>({ log, back }, resolved, signal), resolved.signal),
  }
}
