import { fails, HOLDS } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { HeldLoader } from '../held-loader.ts'
import { within } from '../waiting.ts'

const CALLERS = 20
/** In which every caller that loads has begun to. */
const ALL_WITHIN_MS = 200

export const singleFlightAcrossViews: Scenario = {
  row: 6,
  name: 'single-flight across views',
  what: 'Twenty concurrent callers load one key, each through a namespace that it has asked for itself.',
  seenIn: 'bentocache',
  note: 'Where namespaces are part of the key, the key has a prefix.',
  needs: ['loader'],
  async run(world) {
    const { cache } = await world.open()
    const loader = new HeldLoader('v')
    const calls = Array.from({ length: CALLERS }, () => cache.load('k-view', loader.load, { group: 'users' }))
    await loader.started
    await within(ALL_WITHIN_MS, () => loader.calls === CALLERS)
    loader.release()
    await Promise.all(calls)
    return loader.calls === 1 ? HOLDS : fails(`${loader.calls} loads for ${CALLERS} callers`)
  },
}
