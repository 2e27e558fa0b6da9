import type { LoadContext } from '@tidemark/core'

/** A loader that a test holds in its hands. */
export interface HeldLoad<T> {
  readonly load: (context: LoadContext<T>) => Promise<T | undefined>
  /** What each call was told, in order. */
  readonly calls: readonly LoadContext<T>[]
  /** Resolves when the loader is called for the first time. */
  readonly started: Promise<void>
  /** Lets every call, also a later one, return this. */
  finish(value: T | undefined): void
  fail(error: unknown): void
}

export function heldLoad<T = unknown>(): HeldLoad<T> {
  const calls: LoadContext<T>[] = []
  const started = Promise.withResolvers<void>()
  const result = Promise.withResolvers<T | undefined>()
  result.promise.catch(() => undefined)
  return {
    calls,
    started: started.promise,
    load(context) {
      calls.push(context)
      started.resolve()
      return result.promise
    },
    finish: (value) => result.resolve(value),
    fail: (error) => result.reject(error),
  }
}
