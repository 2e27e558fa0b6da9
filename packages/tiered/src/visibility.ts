import type { Clock, LogChange } from '@tidemark/core'
import { type Observable, Subject } from 'rxjs'

/** How long after their commit the changes of other processes became visible here. Costs nothing while nobody listens. */
export class Visibility {
  readonly #clock: Clock
  readonly #subject = new Subject<number>()
  /** Milliseconds, one per change, by the wall clocks of both sides. Hot. */
  readonly lag$: Observable<number> = this.#subject.asObservable()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  tell(changes: readonly LogChange[]): void {
    if (!this.#subject.observed) return
    const now = this.#clock.now()
    for (const { at } of changes) this.#subject.next(Math.max(0, now - at))
  }

  close(): void {
    this.#subject.complete()
  }
}
