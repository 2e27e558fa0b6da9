import { later } from '../later.ts'
import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'

const DAY_MS = 86_400_000

export const tagOutlived: Scenario = {
  row: 8,
  name: 'an invalidated tag is not outlived by its members',
  what: 'An entry of 30 days is invalidated by its tag and not read; a new instance reads it on day 11.',
  seenIn: 'bentocache',
  needs: ['loader', 'tags'],
  async run(world) {
    const a = await world.open({ ttlMs: 30 * DAY_MS })
    const settings = { ttlMs: 30 * DAY_MS, tags: ['news'] }
    await a.cache.load('k-old', async () => 'v1', settings)
    await a.cache.invalidateTag('news')
    await world.end(a)
    return later(11 * DAY_MS, world.admin, async () => {
      const cold = await world.open({ ttlMs: 30 * DAY_MS })
      const found = await cold.cache.load('k-old', async () => 'v2', settings)
      return found === 'v2' ? HOLDS : fails(`${show(found)}, which was invalidated on day 0, is served on day 11`)
    })
  },
}
