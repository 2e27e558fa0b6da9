import { codec, filling, type FrontContext, nearFrontConformance } from '@tidemark/testkit'
import { createNearMemory, type Front, type NearFront, Payload, RecentChanges } from '../../src/index.ts'

const MAX_BYTES = 4 * 1024 * 1024

function open({ clock, head }: FrontContext, fence?: RecentChanges): NearFront {
  const near = createNearMemory({ clock, fence, maxBytes: MAX_BYTES })
  near.restart(head)
  return near
}

/** Leaves no room beside it. */
const huge = Payload.fromBytes(codec, new Uint8Array(MAX_BYTES - 1_000))
let evictions = 0

async function evict(front: Front): Promise<void> {
  const asOf = Number.MAX_SAFE_INTEGER
  const { key, found } = filling('evictor', 0, 1e9 + evictions++, asOf)
  await front.fill([{ key, found: { ...found, entry: { ...found.entry!, payload: huge } }, asOf }])
}

nearFrontConformance('near memory', (context) => open(context), { evict })

nearFrontConformance(
  'near memory with a fence that remembers one key',
  (context) => open(context, new RecentChanges({ capacity: 1 })),
  { evict },
)
