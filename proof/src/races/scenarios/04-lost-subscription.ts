import { setTimeout as delay } from 'node:timers/promises'
import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { within } from '../waiting.ts'

/** The fault itself takes this long. */
const CUT_MS = 300
/** Clients reconnect within some hundred milliseconds. */
const CAUGHT_UP_WITHIN_MS = 2_000

export const lostSubscription: Scenario = {
  row: 4,
  name: 'a subscriber that was disconnected',
  what: 'B holds v1 in memory and loses Redis for 300 ms, in which A sets v2.',
  seenIn: 'bentocache',
  needs: ['bus'],
  async run(world) {
    const a = await world.open()
    const b = await world.open()
    await a.cache.set('k-cut', 'v1')
    if (!(await within(CAUGHT_UP_WITHIN_MS, async () => (await b.cache.get('k-cut')) === 'v1'))) {
      return fails('B never saw v1')
    }
    b.proxy.cut()
    await a.cache.set('k-cut', 'v2')
    await delay(CUT_MS)
    b.proxy.mend()
    await world.awaitSubscriptions()
    let last: unknown
    const isCurrent = await within(CAUGHT_UP_WITHIN_MS, async () => (last = await b.cache.get('k-cut')) === 'v2')
    return isCurrent ? HOLDS : fails(`B serves ${show(last)} 2 s after it has reconnected`)
  },
}
