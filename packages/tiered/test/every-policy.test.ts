import { type Back } from '@tidemark/core'
import { storeConformance } from '@tidemark/testkit'
import { Fleet } from './support/fleet.ts'

storeConformance(
  'near over sqlite, write-behind',
  async ({ clock }): Promise<Back> =>
    (await new Fleet().open({ near: true, redis: false, writePolicy: 'write-behind', clock })).tiers,
)
storeConformance(
  'near over sqlite, write-through, frontend-only',
  async ({ clock }): Promise<Back> =>
    (await new Fleet().open({ near: true, redis: false, readPolicy: 'frontend-only', clock })).tiers,
)
