import { Observable } from 'rxjs'

/**
 * A run as an observable of its steps: begins when it is subscribed to, each time anew, and is told to end when it is
 * unsubscribed from or `outer` aborts. The observable then completes, when the run does.
 */
export function runInSteps<T>(
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => AsyncIterable<T>,
): Observable<T> {
  return new Observable((subscriber) => {
    const stop = new AbortController()
    const signal = outer === undefined ? stop.signal : AbortSignal.any([stop.signal, outer])
    void (async () => {
      try {
        for await (const step of run(signal)) subscriber.next(step)
        subscriber.complete()
      } catch (error) {
        subscriber.error(error)
      }
    })()
    return () => stop.abort()
  })
}
