import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { HeldLoader } from '../held-loader.ts'
import { settled } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

export const unfencedSharedTier: Scenario = {
  row: 19,
  name: 'the shared tier after an invalidation during a load',
  what: 'A loader of A has read v1, B deletes the key, then the load ends: a cold instance does not find v1 in Redis.',
  seenIn: 'layered-loader 16',
  needs: ['loader'],
  async run(world) {
    const a = await world.open()
    const b = await world.open()
    const old = new HeldLoader('v1')
    const loading = a.cache.load('k-fence', old.load)
    await old.started
    await b.cache.delete('k-fence')
    old.release()
    await settled(loading, PROPAGATION_MS)
    const cold = await world.open()
    const found = await cold.cache.load('k-fence', async () => 'v2')
    return found === 'v2' ? HOLDS : fails(`${show(found)} came back into Redis after the delete`)
  },
}
