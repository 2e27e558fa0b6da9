import type { Micros } from '../clock.ts'
import type { ReadEvent } from '../history/events.ts'
import { countBelow } from './intervals.ts'
import type { KeyTruth } from './truth.ts'

/**
 * Which state of its key a read saw. A value names it. "Absent" may be any of the absences of the key that had begun when
 * the read returned: of those, the one that accuses least, and among equals the oldest, which binds later reads least.
 *
 * @param floor the place that the session has seen already
 * @returns undefined: a value that is not in the log of this key
 */
export function placeRead(
  read: Pick<ReadEvent, 'id' | 'invoke' | 'return'>,
  truth: KeyTruth,
  floor: number,
): number | undefined {
  if (read.id !== undefined) return truth.placeOf(read.id)
  const wanted = Math.max(floor, oldestFresh(truth, read.invoke))
  const { absences } = truth
  const from = countBelow(absences, wanted)
  for (let i = from; i < absences.length; i++) {
    if (truth.states[absences[i]!]!.begunAt <= read.return) return absences[i]
  }
  // All that had begun are older than that: the newest one is still the least to be accused of.
  return absences[from - 1] ?? 0
}

/** The oldest place that misses nothing that was acknowledged before `at`. */
function oldestFresh(truth: KeyTruth, at: Micros): number {
  let low = 0
  let high = truth.states.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (truth.missedSince(middle) < at) low = middle + 1
    else high = middle
  }
  return low
}
