import { keepAlive, Waiters } from '@tidemark/core'
import type { Observable } from 'rxjs'
import { Emitter } from '../emitter.ts'
import { GuardedObservable } from '../guarded-observable.ts'
import { lastResort } from '../last-resort.ts'
import type { SyncConflict } from './sync-conflict.ts'
import type { SyncEvent, SyncState } from './sync-state.ts'

/** Phases that say whether the target holds everything up to the position; in the others it may, or may not. */
const IS_WHOLE: Partial<Record<SyncState['phase'], boolean>> = {
  snapshot: false,
  following: true,
  failed: false,
  closed: false,
}

/** How far a sync has come, and what it meets on the way: for who looks, who listens and who waits. */
export class SyncProgress {
  readonly state$: Observable<SyncState>
  readonly conflicts$: Observable<SyncConflict>
  readonly events$: Observable<SyncEvent>
  readonly #name: string
  readonly #states = new Emitter<SyncState>(report)
  readonly #conflicts = new Emitter<SyncConflict>(report)
  readonly #events = new Emitter<SyncEvent>(report)
  /** For a position. */
  readonly #waiters = new Waiters<number>()
  #state: SyncState = Object.freeze({ phase: 'standby', position: 0, head: 0, taken: 0, error: undefined })
  /** The position is one that the target holds as a whole. */
  #isWhole = false

  /** @param name of the sync */
  constructor(name: string) {
    this.#name = name
    this.state$ = guardedBy((subscriber) => {
      subscriber.next(this.#state)
      return this.#states.connect(subscriber, 0)
    })
    this.conflicts$ = guardedBy((subscriber) => this.#conflicts.connect(subscriber, 0))
    this.events$ = guardedBy((subscriber) => this.#events.connect(subscriber, 0))
  }

  get state(): SyncState {
    return this.#state
  }

  /** Resolves when the target holds everything up to the position. @throws the reason of {@link end} */
  async reached(position: number): Promise<void> {
    if (this.#isWhole && this.#state.position >= position) return
    await keepAlive(() => this.#waiters.wait(position))
  }

  /** @param isWhole whether the target holds everything up to the position; by default as the phase says, or else as before */
  update(some: Partial<SyncState>, isWhole?: boolean): void {
    this.#isWhole = isWhole ?? (some.phase && IS_WHOLE[some.phase]) ?? this.#isWhole
    this.#state = Object.freeze({ ...this.#state, ...some })
    this.#states.emit(this.#state, Infinity)
    if (this.#isWhole) this.#waiters.wake((position) => position <= this.#state.position)
  }

  /** The next state says so. */
  took(count: number): void {
    this.#state = Object.freeze({ ...this.#state, taken: this.#state.taken + count })
  }

  met(conflicts: readonly SyncConflict[]): void {
    for (const each of conflicts) this.#conflicts.emit(each, Infinity)
  }

  tell(event: SyncEvent): void {
    if (this.#events.observed) this.#events.emit(event, Infinity)
    else lastResort(`sync ${this.#name}: ${event.kind}`, event.error)
  }

  /** @param reason for who waits */
  end(phase: 'failed' | 'closed', error: unknown, reason: unknown): void {
    this.update({ phase, error })
    this.#waiters.fail(reason)
    for (const each of [this.#states, this.#conflicts, this.#events]) each.complete()
  }
}

function guardedBy<T>(subscribe: ConstructorParameters<typeof GuardedObservable<T>>[1]): Observable<T> {
  return new GuardedObservable<T>({ onThrow: 'continue', report }, subscribe)
}

function report(error: unknown): void {
  lastResort('a subscriber of a sync failed', error)
}
