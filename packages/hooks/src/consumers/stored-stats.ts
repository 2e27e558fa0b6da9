import { laneKey } from './consumer-keys.ts'
import { readLaneMarks } from './lane-mark.ts'
import { type LaneStanding, laneStanding, standingOfAll } from './lane-standing.ts'
import { aliveMembers } from './membership.ts'
import { type ConsumerBack, registrationOf } from './registration.ts'

/** A lane, as it is stored. */
export interface StoredLaneStats extends LaneStanding {
  readonly lane: number
  /** Whether a process has it at present, or died within the last `leaseMs`. */
  readonly isHeld: boolean
  /**
   * The `origin` of the store that this process has opened; undefined: none has it, or it has not told yet.
   */
  readonly owner: string | undefined
}

/** A consumer, as it is stored, whether or not any process runs it. */
export interface StoredConsumerStats {
  readonly name: string
  /** Of the log. */
  readonly head: number
  readonly lanes: readonly StoredLaneStats[]
  /** Of the lane that is farthest behind. */
  readonly lag: number
  readonly parked: number
  /** How many processes, or rather handlers, run it. */
  readonly members: number
}

/**
 * How a consumer stands, from what is stored of it alone: from any process, while others run it or none does.
 * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name
 */
export async function consumerStats(back: ConsumerBack, name: string): Promise<StoredConsumerStats> {
  const { lanes: count, since } = await registrationOf(back, name)
  const indexes = Array.from({ length: count }, (_, lane) => lane)
  const [marks, remaining, members] = await Promise.all([
    readLaneMarks(back.marks, name, indexes),
    back.leases.remaining(indexes.map((lane) => laneKey(name, lane))),
    aliveMembers(back, name),
  ])
  // Last: no lane is ahead of it.
  const head = await back.log.head()
  const lanes = indexes.map((lane): StoredLaneStats => {
    const mark = marks[lane]
    const isHeld = remaining[lane]! > 0
    return {
      lane,
      isHeld,
      owner: isHeld ? mark?.owner : undefined,
      ...laneStanding(mark, since.seq, head),
    }
  })
  return {
    name,
    head,
    lanes,
    ...standingOfAll(lanes),
    members: members.length,
  }
}
