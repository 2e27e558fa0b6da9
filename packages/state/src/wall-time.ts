import type { Clock } from '@tidemark/core'

/** Whole milliseconds since the epoch. @throws RangeError for a clock that tells no time: it would be recorded for good */
export function wallTime(clock: Pick<Clock, 'now'>): number {
  const time = Math.floor(clock.now())
  if (Number.isSafeInteger(time)) return time
  throw new RangeError(`option clock tells ${time}, which is no time in milliseconds`)
}
