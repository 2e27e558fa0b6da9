import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'

const VALUES: readonly unknown[] = [0, false, '']

export const falsyValues: Scenario = {
  row: 12,
  name: '`0`, `false` and `""` in the shared tier',
  what: 'A sets them, a cold instance reads them from Redis: values, not misses.',
  seenIn: 'cacheable',
  needs: [],
  async run(world) {
    const a = await world.open()
    for (const [i, value] of VALUES.entries()) await a.cache.set(`k-falsy-${i}`, value)
    const cold = await world.open()
    const wrong: string[] = []
    for (const [i, value] of VALUES.entries()) {
      const found = await cold.cache.get(`k-falsy-${i}`)
      if (found !== value) wrong.push(`${JSON.stringify(value)} reads as ${show(found)}`)
    }
    return wrong.length === 0 ? HOLDS : fails(wrong.join(', '))
  },
}
