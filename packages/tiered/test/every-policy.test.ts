import type { Back } from '@tidemark/core'
import { storeConformance } from '@tidemark/testkit'
import type { TieredBack, TieredReadOptions, WritePolicy } from '../src/index.ts'
import { Fleet, type InstanceOptions, useRedis } from './support/fleet.ts'

// Every write policy with every read policy. The pairs that are not here are in conformance.test.ts, for more fronts.

const redis = useRedis()

const WRITE: readonly WritePolicy[] = ['write-through', 'write-around', 'write-behind']
const FRONTEND_FIRST: TieredReadOptions = { readPolicy: 'frontend-first' }

async function opened(options: InstanceOptions): Promise<TieredBack> {
  // Nothing is flushed by time: when it is, is for the suite to say.
  const writeBehind = { maxAgeMs: 3_600_000 }
  return (await new Fleet(redis.server).open({ near: true, writeBehind, ...options })).tiers
}

/** The same back tier, which each read asks for another policy than the store's. */
function overriding(back: TieredBack): TieredBack {
  const readOne: Back['readOne'] = (key, options) => back.readOne(key, { ...options, ...FRONTEND_FIRST })
  const read: Back['read'] = (keys, options) => back.read(keys, { ...options, ...FRONTEND_FIRST })
  return new Proxy(back, {
    get(target, name) {
      if (name === 'readOne') return readOne
      if (name === 'read') return read
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const flushOf = (writePolicy: WritePolicy): { flush?: (back: Back) => Promise<void> } =>
  writePolicy === 'write-behind' ? { flush: (back) => (back as TieredBack).flush() } : {}

for (const [fronts, tiers] of Object.entries({ near: { redis: false }, 'near, redis': {} })) {
  const name = `${fronts} over sqlite, write-behind, frontend-first`
  storeConformance(
    name,
    ({ clock }) => opened({ ...tiers, writePolicy: 'write-behind', clock }),
    flushOf('write-behind'),
  )
}
// What a frontend-only store answers by itself depends on what its fronts happen to hold: see policies.test.ts.
for (const writePolicy of WRITE) {
  storeConformance(
    `near, redis over sqlite, ${writePolicy}, frontend-only, and each read asks for frontend-first`,
    async ({ clock }) => overriding(await opened({ writePolicy, readPolicy: 'frontend-only', clock })),
    flushOf(writePolicy),
  )
}
