import type { ConsumerStats, LaneStats } from './consumer.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { LaneHolder } from './lane-holder.ts'
import { readLaneMarks } from './lane-mark.ts'
import { laneStanding, standingOfAll } from './lane-standing.ts'
import { aliveMembers } from './membership.ts'

export async function statsOf(parts: ConsumerParts, holder: LaneHolder): Promise<ConsumerStats> {
  const { back, log, name, registration, options } = parts
  const indexes = Array.from({ length: options.lanes }, (_, lane) => lane)
  const stored = await readLaneMarks(back.marks, name, indexes)
  const head = await log.head()
  const owned = new Map(holder.lanes.map((lane) => [lane.index, lane]))
  const lanes = indexes.map((lane): LaneStats => {
    const own = owned.get(lane)
    return {
      lane,
      owned: own !== undefined,
      ...laneStanding(own?.mark ?? stored[lane], registration.since.seq, head),
      processed: own?.processed ?? 0,
      held: own?.held ?? 0,
    }
  })
  return {
    name,
    head,
    lanes,
    ...standingOfAll(lanes),
    processed: lanes.reduce((sum, { processed }) => sum + processed, 0),
    members: (await aliveMembers(back, name)).length,
  }
}
