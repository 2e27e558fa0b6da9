import type { Clock } from '@tidemark/core'

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.schedule(ms, done)
    signal.addEventListener('abort', done)
  })
}
