import { fails, HOLDS, notApplicable, type Outcome, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { HeldLoader } from '../held-loader.ts'
import { settled, within } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

const TTL_MS = 100
/** In which a refresh that has ended has stored its value, if it does. */
const STORED_WITHIN_MS = 200

export const backgroundRefresh: Scenario = {
  row: 20,
  name: 'an invalidation during a background refresh',
  what: 'A refresh has read v1, the tag (or key) is invalidated, then the refresh ends: its value is not fresh.',
  seenIn: 'FusionCache',
  needs: ['loader', 'refresh'],
  async run(world) {
    const a = await world.open({ refresh: true })
    const hasTags = world.product.lacks.tags === undefined
    const settings = { ttlMs: TTL_MS, ...(hasTags && { tags: ['news'] }) }
    await a.cache.load('k-refresh', async () => 'v0', settings)
    const refresh = new HeldLoader('v1')
    const hits: Promise<unknown>[] = []
    const hasBegun = await within(PROPAGATION_MS, async () => {
      hits.push(settled(a.cache.load('k-refresh', refresh.load, settings), PROPAGATION_MS))
      await Promise.race([hits.at(-1), refresh.started])
      return refresh.calls > 0
    })
    if (!hasBegun) return notApplicable('no hit began a refresh')
    if (hasTags) await a.cache.invalidateTag('news')
    else await a.cache.delete('k-refresh')
    refresh.release()
    await Promise.all(hits)
    const served = (value: unknown): Outcome =>
      fails(`${show(value)} served, read before the ${hasTags ? 'tag was invalidated' : 'delete'}`)
    let last: unknown
    const comesBack = await within(STORED_WITHIN_MS, async () => (last = await a.cache.get('k-refresh')) === 'v1')
    if (comesBack) return served(last)
    const next = await a.cache.load('k-refresh', async () => 'v2', settings)
    return next === 'v2' ? HOLDS : served(next)
  },
}
