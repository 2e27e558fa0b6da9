import type { Log } from '@tidemark/core'
import type { Observable, Subscriber } from 'rxjs'
import { changes } from './changes.ts'
import type { ChangesOptions, SnapshotChangesOptions } from './changes-options.ts'
import { GuardedObservable } from './guarded-observable.ts'
import { lastResort } from './last-resort.ts'
import type { ChangeBatch } from './streams/change-batch.ts'
import type { FollowStep } from './streams/snapshot-step.ts'

/**
 * {@link changes} as an Observable, with the same options, order and errors. Cold: each subscription reads for itself.
 *
 * Bounded: the next page is read only when the subscriber's `next` has returned. That is all that RxJS lets a source
 * know: an operator that queues (`concatMap`, `mergeMap`) queues without bound, so use `changes` for asynchronous work.
 *
 * Unsubscribing stops the reading, a pending wait included. It completes when `signal` aborts. When `next` throws (or rejects), the
 * subscription ends with that as its `error`, since going on would lose the batch; without an `error` handler it is
 * printed, and the process goes on.
 * @throws TypeError, RangeError at once for wrong options.
 */
export function changes$<T = unknown>(log: Log, options: SnapshotChangesOptions): Observable<FollowStep<T>>
export function changes$<T = unknown>(log: Log, options?: ChangesOptions): Observable<ChangeBatch<T>>
export function changes$<T = unknown>(
  log: Log,
  options: ChangesOptions | SnapshotChangesOptions = {},
): Observable<FollowStep<T>> {
  const source: AsyncIterable<FollowStep<T>> =
    options.onCompacted === 'snapshot' ? changes<T>(log, options) : changes<T>(log, options)
  return new GuardedObservable<FollowStep<T>>(
    {
      onThrow: 'stop',
      report: (error) => lastResort('a subscriber of changes$ failed and has no error handler', error),
    },
    (subscriber) => {
      const iterator = source[Symbol.asyncIterator]()
      void pump(iterator, subscriber)
      return () => void iterator.return?.()
    },
  )
}

async function pump<T>(iterator: AsyncIterator<T>, subscriber: Subscriber<T>): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await iterator.next()
      if (done) return subscriber.complete()
      subscriber.next(value)
    }
  } catch (error) {
    subscriber.error(error)
  }
}
