import { NoRace } from '../no-race.ts'
import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { wallClock } from '../waiting.ts'

const TTL_MS = 400
const READ_AT_MS = 300
const CHECK_AT_MS = 450
/** Tidemark shortens the TTL of a load by up to a tenth, at random. */
const LATE_BY_MS = 50

export const backFillTtl: Scenario = {
  row: 16,
  name: 'the TTL of a back-fill',
  what: 'A cold instance reads an entry of 400 ms from Redis when it has lived for 300 ms; at 450 ms it is gone.',
  seenIn: 'cache-manager',
  note: 'layered-loader has one TTL per tier and instance: 400 ms in both.',
  needs: ['loader'],
  async run(world) {
    const a = await world.open({ ttlMs: TTL_MS })
    const cold = await world.open({ ttlMs: TTL_MS })
    const settings = { ttlMs: TTL_MS }
    const setFrom = Date.now()
    await a.cache.load('k-fill', async () => 'v1', settings)
    const setTo = Date.now()
    await wallClock(setFrom + READ_AT_MS)
    const filled = await cold.cache.load('k-fill', async () => 'v2', settings)
    if (Date.now() > setFrom + READ_AT_MS + LATE_BY_MS) throw new NoRace('the entry was read too late')
    if (filled !== 'v1') return fails(`at ${READ_AT_MS} ms, ${show(filled)} instead of v1`)
    await wallClock(setTo + CHECK_AT_MS)
    if (Date.now() > setFrom + CHECK_AT_MS + 2 * LATE_BY_MS) throw new NoRace('the check came too late')
    const later = await cold.cache.load('k-fill', async () => 'v3', settings)
    return later === 'v3' ? HOLDS : fails(`${show(later)} served at ${CHECK_AT_MS} ms`)
  },
}
