const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/**
 * An async generator that can be stopped while it waits: `return()` of a plain one queues behind the pending `next()`,
 * for ever if that waits for something that never comes. Here `return()` and an abort of `outer` settle every pending
 * `next()` as done at once, and abort the signal that `produce` was given.
 *
 * Nothing runs, and nothing is attached to `outer`, before the first `next()`.
 */
export class Stoppable<T> implements AsyncIterableIterator<T, undefined> {
  readonly #produce: (signal: AbortSignal) => AsyncGenerator<T, undefined>
  readonly #outer: AbortSignal | undefined
  readonly #controller = new AbortController()
  readonly #pending = new Set<(result: IteratorResult<T, undefined>) => void>()
  readonly #stop = (): void => {
    this.#outer?.removeEventListener('abort', this.#stop)
    this.#controller.abort()
    this.#source = undefined
    for (const settle of this.#pending) settle(DONE)
    this.#pending.clear()
  }
  #source: AsyncGenerator<T, undefined> | undefined

  constructor(produce: (signal: AbortSignal) => AsyncGenerator<T, undefined>, outer?: AbortSignal) {
    this.#produce = produce
    this.#outer = outer
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#outer?.aborted) this.#stop()
    const source = this.#start()
    if (source === undefined) return Promise.resolve(DONE)
    // Not a race against a promise of the end: each would stay registered there for as long as the stream lives.
    return new Promise((resolve, reject) => {
      this.#pending.add(resolve)
      source.next().then(
        (result) => {
          this.#pending.delete(resolve)
          if (result.done) this.#stop()
          resolve(result)
        },
        (error: unknown) => {
          // After a stop this is the aborted wait; `resolve` was called then, and this has no effect.
          this.#pending.delete(resolve)
          this.#stop()
          reject(error)
        },
      )
    })
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    this.#stop()
    return Promise.resolve(DONE)
  }

  #start(): AsyncGenerator<T, undefined> | undefined {
    if (this.#source !== undefined || this.#controller.signal.aborted) return this.#source
    this.#outer?.addEventListener('abort', this.#stop)
    this.#source = this.#produce(this.#controller.signal)
    return this.#source
  }
}
