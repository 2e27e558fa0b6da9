interface Waiter<T> {
  readonly what: T
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Those who wait for something to happen, in the order in which they came, and what each of them waits for. */
export class Waiters<T> {
  readonly #waiters = new Set<Waiter<T>>()

  get size(): number {
    return this.#waiters.size
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (const { what } of this.#waiters) yield what
  }

  /** Until woken. @throws what it fails with; the reason of `signal` as soon as that aborts */
  wait(what: T, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const end = (settle: () => void): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#waiters.delete(waiter)
        settle()
      }
      const waiter: Waiter<T> = {
        what,
        resolve: () => end(resolve),
        reject: (error) => end(() => reject(error as Error)),
      }
      const onAbort = (): void => waiter.reject(signal!.reason)
      signal?.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
    })
  }

  /** @returns how many were woken */
  wake(isDue: (what: T) => boolean): number {
    const before = this.#waiters.size
    for (const waiter of this.#waiters) if (isDue(waiter.what)) waiter.resolve()
    return before - this.#waiters.size
  }

  fail(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
