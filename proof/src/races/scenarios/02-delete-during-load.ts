import { fails, HOLDS, type Outcome, show, worst } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { HeldLoader } from '../held-loader.ts'
import { settled } from '../waiting.ts'
import { type Instance, PROPAGATION_MS } from '../world.ts'

export const deleteDuringLoad: Scenario = {
  row: 2,
  name: 'a delete during a load',
  what: 'A loader has read v1, the key (or its tag) is deleted on the same instance, then the load ends.',
  seenIn: 'bentocache, async-cache-dedupe',
  needs: ['loader'],
  async run(world) {
    const a = await world.open()
    const byKey = await deleteDuring(a, 'k-delete', undefined, () => a.cache.delete('k-delete'))
    if (world.product.lacks.tags !== undefined) return byKey
    return worst([byKey, await deleteDuring(a, 'k-tagged', 'tag', () => a.cache.invalidateTag('tag'))])
  },
}

async function deleteDuring(
  { cache }: Instance,
  key: string,
  tag: string | undefined,
  remove: () => Promise<boolean>,
): Promise<Outcome> {
  const settings = tag === undefined ? {} : { tags: [tag] }
  const old = new HeldLoader('v1')
  const loading = cache.load(key, old.load, settings)
  await old.started
  await remove()
  old.release()
  await settled(loading, PROPAGATION_MS)
  const next = await cache.load(key, async () => 'v2', settings)
  if (next === 'v2') return HOLDS
  return fails(
    `the load undid the ${tag === undefined ? 'delete' : 'delete of the tag'}: ${show(next)} served, v2 not loaded`,
  )
}
