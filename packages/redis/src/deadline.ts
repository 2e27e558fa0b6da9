import { afterTurn, type Clock } from '@tidemark/core'

/**
 * `work`, or the rejection with `late()` once it has taken longer than `timeoutMs`.
 * When time is up, what has already arrived is still looked at first: an event loop that was busy for longer than the
 * deadline finds the answer waiting in the socket, and a busy process must not take its server for dead.
 */
export function withinDeadline<T>(work: Promise<T>, timeoutMs: number, clock: Clock, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    let settled = false
    const cancel = clock.schedule(timeoutMs, () => {
      afterTurn(() => {
        if (!settled) reject(late())
      })
    })
    const settle = (): void => {
      settled = true
      cancel()
    }
    work.then(
      (value) => {
        settle()
        resolve(value)
      },
      (error: unknown) => {
        settle()
        reject(error as Error)
      },
    )
  })
}
