import { fails, HOLDS, type Outcome, show, worst } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { within } from '../waiting.ts'
import { PROPAGATION_MS, type World } from '../world.ts'

export const propagation: Scenario = {
  row: 14,
  name: '`clear()` and a cold delete reach the others',
  what: 'B holds a value in memory; an instance that never read it deletes it, or clears everything.',
  seenIn: 'cacheable',
  needs: ['bus'],
  async run(world) {
    const deleted = await removed(world, 'k-cold', 'delete')
    return worst([deleted, await removed(world, 'k-clear', 'clear()')])
  },
}

async function removed(world: World, key: string, how: 'delete' | 'clear()'): Promise<Outcome> {
  const a = await world.open()
  const b = await world.open()
  await a.cache.set(key, 'v1')
  if (!(await within(PROPAGATION_MS, async () => (await b.cache.get(key)) === 'v1'))) return fails('B never saw v1')
  const cold = await world.open()
  if (how === 'delete') await cold.cache.delete(key)
  else await cold.cache.clear()
  let last: unknown
  const isGone = await within(PROPAGATION_MS, async () => (last = await b.cache.get(key)) === undefined)
  return isGone ? HOLDS : fails(`B serves ${show(last)} after a ${how} by a cold instance, still after 1 s`)
}
