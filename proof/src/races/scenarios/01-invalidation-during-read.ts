import { NoRace } from '../no-race.ts'
import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled, within } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

const HEARD_WITHIN_MS = 500

export const invalidationDuringRead: Scenario = {
  row: 1,
  name: 'an invalidation between the shared read and the local set',
  what: 'B has read v1 from Redis, A sets v2 and tells B, then B stores v1 in its memory.',
  seenIn: 'bentocache, lettuce',
  needs: ['bus'],
  async run(world) {
    const a = await world.open()
    await a.cache.set('k-read', 'v1')
    // Opened now: products that send values to the others have not sent it this one.
    const b = await world.open()
    const held = b.proxy.hold('reply', 'k-read')
    const reading = b.cache.get('k-read')
    await settled(Promise.race([held.caught, reading]), PROPAGATION_MS)
    if (!held.isCaught) throw new NoRace('B did not ask Redis')
    await a.cache.set('k-read', 'v2')
    await within(HEARD_WITHIN_MS, () => b.proxy.hasPassed('k-read'))
    held.release()
    await settled(reading, PROPAGATION_MS)
    let last: unknown
    const isCurrent = await within(PROPAGATION_MS, async () => (last = await b.cache.get('k-read')) === 'v2')
    return isCurrent ? HOLDS : fails(`B serves ${show(last)} after v2 was acknowledged, still after 1 s`)
  },
}
