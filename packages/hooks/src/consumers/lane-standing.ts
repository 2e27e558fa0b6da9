import type { Halt, LaneMark } from './lane-mark.ts'

/** How far a lane has come. */
export interface LaneStanding {
  /** Everything up to this seq is dealt with. Its owner may be further, by what it has passed over in the last second. */
  readonly seq: number
  /** How many changes, wanted or not, that is behind the head of the log. */
  readonly lag: number
  /** How often the change that it is at was tried one by one; 0: not yet. */
  readonly attempts: number
  readonly parked: number
  /** Why it stands still. */
  readonly halt: Halt | undefined
}

/** @param since where the consumer began; @param head of the log */
export function laneStanding(mark: LaneMark | undefined, since: number, head: number): LaneStanding {
  const seq = mark?.seq ?? since
  return {
    seq,
    lag: Math.max(0, head - seq),
    attempts: mark?.trying?.attempts ?? 0,
    parked: mark?.parked ?? 0,
    halt: mark?.halt,
  }
}

/** Of all lanes together: the lag of the one that is farthest behind. */
export function standingOfAll(lanes: readonly LaneStanding[]): Pick<LaneStanding, 'lag' | 'parked'> {
  return {
    lag: Math.max(...lanes.map(({ lag }) => lag)),
    parked: lanes.reduce((sum, { parked }) => sum + parked, 0),
  }
}
