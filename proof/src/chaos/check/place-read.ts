import type { Micros } from '../clock.ts'
import type { ReadEvent } from '../history/events.ts'
import { countBelow } from './intervals.ts'
import type { KeyTruth } from './key-truth.ts'

/**
 * The state that a read saw. A value names it. "Absent" may be any of the absences of its key that had begun when the read
 * returned, so that each question is answered by the one that accuses least. A value that a tag made absent is one: also
 * where it had been replaced before, in the log, and whoever read had not heard of that, so that it missed what replaced it.
 */
export interface Placing {
  /** What to judge the read itself by: as little stale as it can have been. */
  readonly place: number
  /** What it has shown its process for certain, by which later reads are judged. */
  readonly shown: number
  /** Of `place`, where the process saw nothing. */
  readonly isAbsent: boolean
}

/** That a value is gone comes after the value itself, and before what replaced it: half a place. */
export const GONE = 0.5

/**
 * @param floor the place that the process has seen already
 * @param allowedStaleness how long ago what the read misses may have been acknowledged
 * @returns undefined: a value that is not in the log of this key
 */
export function placeRead(
  read: Pick<ReadEvent, 'id' | 'invoke' | 'return'>,
  truth: KeyTruth,
  floor: number,
  allowedStaleness: Micros,
): Placing | undefined {
  if (read.id !== undefined) {
    const place = truth.placeOf(read.id)
    return place === undefined ? undefined : { place, shown: place, isAbsent: false }
  }
  const least = Math.floor(floor)
  const allowed = absenceSince(Math.max(least, oldestSince(truth, read.invoke - allowedStaleness)), read.return, truth)
  const place = absenceSince(Math.max(least, oldestSince(truth, read.invoke)), read.return, truth)
  return { place, shown: allowed + GONE, isAbsent: true }
}

/** The oldest absence at or after `wanted` that had begun by `time`; where there is none, the newest one before. */
function absenceSince(wanted: number, time: Micros, truth: KeyTruth): number {
  const { absences } = truth
  const from = countBelow(absences, wanted)
  for (let i = from; i < absences.length; i++) if (truth.absentFrom(absences[i]!) <= time) return absences[i]!
  // All that had begun are older than that: the newest one is still the least to be accused of.
  for (let i = from - 1; i >= 0; i--) if (truth.absentFrom(absences[i]!) <= time) return absences[i]!
  return 0
}

/** The oldest place that misses nothing that was acknowledged before `time`. */
function oldestSince(truth: KeyTruth, time: Micros): number {
  let low = 0
  let high = truth.states.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (truth.missedSince(middle) < time) low = middle + 1
    else high = middle
  }
  return low
}
