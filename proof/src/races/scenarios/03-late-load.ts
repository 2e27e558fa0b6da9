import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { HeldLoader } from '../held-loader.ts'
import { settled, within } from '../waiting.ts'

const HARD_TIMEOUT_MS = 50
/** In which a load that ends late has stored its value, if it does. */
const LATE_WITHIN_MS = 300

export const lateLoad: Scenario = {
  row: 3,
  name: 'a load that ends after its timeout',
  what: 'The caller of a load has given up, v2 is set, then the loader returns the v1 that it had read.',
  seenIn: 'bentocache',
  needs: ['loader'],
  async run(world) {
    const a = await world.open()
    const old = new HeldLoader('v1')
    const loading = a.cache.load('k-late', old.load, { hardTimeoutMs: HARD_TIMEOUT_MS })
    await old.started
    // Products without such a timeout: the caller turns away.
    await settled(loading, 4 * HARD_TIMEOUT_MS)
    await a.cache.set('k-late', 'v2')
    old.release()
    let seen: unknown
    const isOverwritten = await within(LATE_WITHIN_MS, async () => (seen = await a.cache.get('k-late')) !== 'v2')
    await settled(loading, LATE_WITHIN_MS)
    if (isOverwritten) return fails(`${show(seen)} overwrote v2`)
    const cold = await world.open()
    const shared = await cold.cache.get('k-late')
    return shared === 'v2' ? HOLDS : fails(`in Redis, ${show(shared)} overwrote v2`)
  },
}
