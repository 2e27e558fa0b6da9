import type { Clock } from '../clock.ts'
import { keepAlive } from '../keep-alive.ts'

export const LATE: unique symbol = Symbol('late')

/** What the work brings, or LATE when it takes longer. The work itself goes on. */
export function within<T>(clock: Clock, work: Promise<T>, ms: number): Promise<T | typeof LATE> {
  if (ms === Infinity) return work
  if (ms <= 0) return Promise.resolve(LATE)
  // Work that never ends has nothing of its own that keeps the process until the time is up.
  return keepAlive(
    () =>
      new Promise((resolve, reject) => {
        const cancel = clock.schedule(ms, () => resolve(LATE))
        work.then(resolve, reject).finally(cancel)
      }),
  )
}
