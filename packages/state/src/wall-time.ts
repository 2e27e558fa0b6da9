import type { Clock } from '@tidemark/core'

/** As far as a Date goes (ECMA-262, time range), in either direction. */
const FARTHEST = 8.64e15

/** Whole milliseconds since the epoch. @throws RangeError for a clock that tells no time: it would be recorded for good */
export function wallTime(clock: Pick<Clock, 'now'>): number {
  const time = Math.floor(clock.now())
  if (Math.abs(time) <= FARTHEST) return time
  throw new RangeError(`option clock tells ${time}, which is no time in milliseconds`)
}
