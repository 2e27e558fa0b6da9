import { setTimeout as delay } from 'node:timers/promises'
import { fails, HOLDS } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'

const CALLERS = 5
const ATTEMPTS = 3
const LOAD_MS = 10

export const failingLoader: Scenario = {
  row: 7,
  name: 'single-flight while the loader fails',
  what: 'Five callers load one key and try again when it fails; there is never more than one load at a time.',
  seenIn: 'bentocache',
  needs: ['loader'],
  async run(world) {
    const { cache } = await world.open()
    let running = 0
    let most = 0
    const load = async (): Promise<never> => {
      most = Math.max(most, ++running)
      await delay(LOAD_MS)
      running--
      throw new Error('the source is down')
    }
    const caller = async (): Promise<void> => {
      for (let i = 0; i < ATTEMPTS; i++) await cache.load('k-failing', load).catch(() => {})
    }
    await Promise.all(Array.from({ length: CALLERS }, caller))
    return most === 1 ? HOLDS : fails(`${most} loads at the same time`)
  },
}
