import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { HeldLoader } from '../held-loader.ts'
import { settled } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

export const tagDuringLoad: Scenario = {
  row: 13,
  name: 'a tag invalidated by another instance during a load',
  what: 'A loader of A has read v1, B invalidates its tag, then the load ends: v1 is not fresh, on A or on B.',
  seenIn: 'cacheable',
  needs: ['loader', 'tags'],
  async run(world) {
    const a = await world.open()
    const b = await world.open()
    const settings = { tags: ['news'] }
    const old = new HeldLoader('v1')
    const loading = a.cache.load('k-tag', old.load, settings)
    await old.started
    await b.cache.invalidateTag('news')
    old.release()
    await settled(loading, PROPAGATION_MS)
    const onB = await b.cache.load('k-tag', async () => 'v2', settings)
    if (onB !== 'v2') return fails(`B serves ${show(onB)}, computed before the invalidation`)
    const onA = await a.cache.load('k-tag', async () => 'v2', settings)
    return onA === 'v2' ? HOLDS : fails(`A serves ${show(onA)}, computed before the invalidation`)
  },
}
