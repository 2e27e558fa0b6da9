import type { Back } from '@tidemark/core'
import { backConformance, modelTest, storeConformance, tieredConformance } from '@tidemark/testkit'
import type { ReadPolicy, WritePolicy } from '../src/index.ts'
import { Fleet, type Instance, type InstanceOptions, useRedis } from './support/fleet.ts'

const redis = useRedis()

const FRONTS = {
  near: { near: true, redis: false },
  redis: { near: false },
  'near, redis': { near: true },
} as const satisfies Record<string, InstanceOptions>
const WRITE: readonly WritePolicy[] = ['write-through', 'write-around']
// What a frontend-only store answers depends on what its fronts happen to hold: see policies.test.ts.
const READ: ReadPolicy = 'frontend-first'

async function opened(options: InstanceOptions): Promise<Back> {
  return (await new Fleet(redis.server).open({ readPolicy: READ, ...options })).tiers
}

for (const [fronts, tiers] of Object.entries(FRONTS)) {
  tieredConformance(`${fronts} over sqlite`, async (policies) => {
    const fleet = new Fleet(redis.server)
    const instance = (chosen: InstanceOptions): Promise<Instance> =>
      fleet.open({
        ...tiers,
        ...chosen,
        // Nothing is flushed by time: when it is, is for the suite to say.
        writeBehind: { maxAgeMs: 3_600_000 },
        // Nor is a front passed over because the machine has paused.
        frontMaxStaleMs: 10_000,
      })
    const { store, tiers: tiered, back, near, front } = await instance(policies)
    const fronts = [near, front].filter((each) => each !== undefined)
    return {
      store,
      back,
      fronts,
      evictShared: () => fleet.evictAll(),
      flush: () => tiered.flush(),
      async beside(chosen) {
        const other = await instance(chosen)
        return { store: other.store, flush: () => other.tiers.flush() }
      },
    }
  })
  for (const writePolicy of WRITE) {
    const name = `${fronts} over sqlite, ${writePolicy}`
    storeConformance(name, ({ clock }) => opened({ ...tiers, writePolicy, clock }))
    modelTest(name, { open: () => opened({ ...tiers, writePolicy }), runs: 20 })
  }
}
// With fronts, an answer names another tier and ends earlier; everything else that a back tier promises stays.
backConformance('tiers without fronts', ({ clock, onError }) => opened({ redis: false, clock, onError }), {
  syncLog: true,
})
storeConformance('without negative entries', ({ clock }) => opened({ near: true, negativeEntries: false, clock }))
