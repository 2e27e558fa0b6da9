import { Observable, type Observer, type OperatorFunction, Subscriber, Subscription, type TeardownLogic } from 'rxjs'
import { lastResort } from './last-resort.ts'
import { isThenable } from './thenable.ts'

/** What becomes of a subscriber whose handler threw. */
export interface Guard {
  /** `continue`: it gets the next value all the same. `stop`: it gets its own failure as an error, and nothing more. */
  readonly onThrow: 'continue' | 'stop'
  /** Takes what no handler of the subscriber took. */
  report(error: unknown): void
}

/**
 * An Observable whose subscribers can do no harm. RxJS throws what a `next` handler threw, and an error that nobody
 * handles, again from a timer of its own, which ends a Node.js process; here both go to the guard.
 *
 * `pipe` keeps the guard. What combines several sources (`merge`, `combineLatest`), and Subjects that are subscribed to
 * this one, are Observables of their own, outside of it.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #guard: Guard

  constructor(guard: Guard, subscribe: (subscriber: Subscriber<T>) => TeardownLogic) {
    super(subscribe)
    this.#guard = guard
  }

  // `never` satisfies every overload: what comes out is what the base class makes of the operators.
  override pipe(...operators: OperatorFunction<never, never>[]): never {
    const piped = operators.reduce((source: unknown, operator) => operator(source as never), this)
    if (!(piped instanceof Observable) || piped instanceof GuardedObservable) return piped as never
    return new GuardedObservable(this.#guard, (subscriber) => piped.subscribe(subscriber)) as never
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator's own: what it passes on meets the guard at the end of the chain.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext)
    if (typeof observerOrNext === 'object' && observerOrNext !== null) return this.#subscribe(observerOrNext)
    return this.#subscribe({
      ...(observerOrNext && { next: observerOrNext }),
      ...(error && { error }),
      ...(complete && { complete }),
    })
  }

  #subscribe(observer: Partial<Observer<T>>): Subscription {
    const { onThrow } = this.#guard
    const report = (error: unknown): void => this.#guard.report(error)
    const stop = new Subscription()
    const fail = (error: unknown): void => {
      if (observer.error === undefined) report(error)
      else attempt(() => observer.error?.(error), report)
    }
    const onNextThrew = (error: unknown): void => {
      if (onThrow === 'continue') return report(error)
      stop.unsubscribe()
      fail(error)
    }
    const subscription = super.subscribe({
      next: (value) => {
        if (!stop.closed) attempt(() => observer.next?.(value), onNextThrew)
      },
      error: fail,
      complete: () => attempt(() => observer.complete?.(), report),
    })
    // Ends it at once when `next` threw while it was still subscribing.
    stop.add(subscription)
    return subscription
  }
}

/**
 * The values of `source`, for subscribers that can do no harm: what they throw, and an error that they do not handle, goes
 * to `report`. They get the next value all the same.
 */
export function guarded<T>(source: Observable<T>, report: (error: unknown) => void): Observable<T> {
  const reportSafely = (error: unknown): void =>
    attempt(
      () => report(error),
      (thrown) => lastResort('what failures are reported to failed', thrown),
    )
  return new GuardedObservable({ onThrow: 'continue', report: reportSafely }, (subscriber) =>
    source.subscribe(subscriber),
  )
}

/** An async handler rejects instead of throwing, which would end the process just the same. */
function attempt(task: () => unknown, onThrow: (error: unknown) => void): void {
  try {
    const result = task()
    if (isThenable(result)) void Promise.resolve(result).catch(onThrow)
  } catch (error) {
    onThrow(error)
  }
}
