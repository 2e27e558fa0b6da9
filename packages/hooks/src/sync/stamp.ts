import type { ChangeSource } from '@tidemark/core'

/**
 * When a change was made, by a hybrid logical clock, and where: the same in every store that the change comes to. A store
 * dates what it writes after everything that it has taken over, so whoever knew of a change and writes again is later.
 */
export type Stamp = ChangeSource

/** Which of two changes of one key is the later one, the same in every store. 0: they are one change. */
export function compareStamps(one: Stamp, other: Stamp): number {
  if (one.at !== other.at) return one.at - other.at
  if (one.log !== other.log) return one.log < other.log ? -1 : 1
  return one.seq - other.seq
}
