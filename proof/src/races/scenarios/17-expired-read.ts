import { NoRace } from '../no-race.ts'
import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled, wallClock } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

const TTL_MS = 400

export const expiredRead: Scenario = {
  row: 17,
  name: 'an expired read beside a fresh set',
  what: 'A has read an entry that expires before A looks at it, B sets a fresh one, then A goes on: the fresh one stays.',
  seenIn: 'keyv 5',
  needs: [],
  also: ['keyv'],
  async run(world) {
    const b = await world.open()
    const setAt = Date.now()
    // Both: not every product has a TTL per write.
    const writer = await world.open({ ttlMs: TTL_MS })
    await writer.cache.set('k-expired', 'old', { ttlMs: TTL_MS })
    // Opened now: products that send values to the others have not sent it this one.
    const a = await world.open()
    const held = a.proxy.hold('reply', 'k-expired')
    const reading = a.cache.get('k-expired')
    await settled(Promise.race([held.caught, reading]), PROPAGATION_MS)
    if (!held.isCaught) throw new NoRace('A did not ask Redis')
    if (Date.now() >= setAt + TTL_MS) throw new NoRace('the entry had expired before it was read')
    await wallClock(setAt + 2 * TTL_MS)
    await b.cache.set('k-expired', 'fresh')
    held.release()
    await settled(reading, PROPAGATION_MS)
    const cold = await world.open()
    const found = await cold.cache.get('k-expired')
    return found === 'fresh' ? HOLDS : fails(`the read has deleted the fresh value: ${show(found)} in Redis`)
  },
}
