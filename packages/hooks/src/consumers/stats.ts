import type { ConsumerStats, LaneStats } from './consumer.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { LaneHolder } from './lane-holder.ts'
import { readLaneMarks } from './lane-mark.ts'
import { aliveMembers } from './membership.ts'

export async function statsOf(parts: ConsumerParts, holder: LaneHolder): Promise<ConsumerStats> {
  const { back, log, name, registration, options } = parts
  const indexes = Array.from({ length: options.lanes }, (_, lane) => lane)
  const stored = await readLaneMarks(back.marks, name, indexes)
  const head = await log.head()
  const owned = new Map(holder.lanes.map((lane) => [lane.index, lane]))
  const lanes = indexes.map((lane): LaneStats => {
    const own = owned.get(lane)
    const mark = own?.mark ?? stored[lane]
    const seq = mark?.seq ?? registration.since.seq
    return {
      lane,
      owned: own !== undefined,
      seq,
      lag: Math.max(0, head - seq),
      attempts: mark?.trying?.attempts ?? 0,
      parked: mark?.parked ?? 0,
      halt: mark?.halt,
      processed: own?.processed ?? 0,
      held: own?.held ?? 0,
    }
  })
  return {
    name,
    head,
    lanes,
    lag: Math.max(...lanes.map(({ lag }) => lag)),
    parked: lanes.reduce((sum, { parked }) => sum + parked, 0),
    processed: lanes.reduce((sum, { processed }) => sum + processed, 0),
    members: (await aliveMembers(back, name)).length,
  }
}
