import type { Subscriber } from 'rxjs'

/** Hands each value to everyone who was there when it happened. Nobody's failure keeps it from the others. */
export class Emitter<T> {
  readonly #onFailure: (error: unknown) => void
  readonly #subscribers = new Map<Subscriber<T>, number>()
  #completed = false

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  get observed(): boolean {
    return this.#subscribers.size > 0
  }

  /** The subscriber gets what happens after `joinedAfter`. The returned function ends it, also in the middle of an emit. */
  connect(subscriber: Subscriber<T>, joinedAfter: number): () => void {
    if (this.#completed) subscriber.complete()
    else this.#subscribers.set(subscriber, joinedAfter)
    return () => void this.#subscribers.delete(subscriber)
  }

  /** `position` says when the value happened. */
  emit(value: T, position: number): void {
    // A Map visits what is added meanwhile, which `joinedAfter` excludes, and passes over what is removed.
    for (const [subscriber, joinedAfter] of this.#subscribers) {
      if (position > joinedAfter) this.#attempt(() => subscriber.next(value))
    }
  }

  complete(): void {
    this.#completed = true
    for (const subscriber of this.#subscribers.keys()) this.#attempt(() => subscriber.complete())
    this.#subscribers.clear()
  }

  /** Handlers are guarded already; this is for teardowns that throw. */
  #attempt(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#onFailure(error)
    }
  }
}
