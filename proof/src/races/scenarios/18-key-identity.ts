import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'

/** Pairs that are two keys each. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['q?x=1', 'q?x=2'],
  ['a/b', 'a:b'],
]
/** Text that reads as a number. */
const TEXT = '83528e0696'

export const keyIdentity: Scenario = {
  row: 18,
  name: 'keys, text and bulk writes are what they are',
  what: 'Keys that differ in a character stay two keys, text stays text in the shared tier, and a watcher hears of bulk writes.',
  seenIn: 'unstorage',
  needs: [],
  also: ['unstorage'],
  async run(world) {
    const a = await world.open()
    const wrong: string[] = []
    for (const [one, other] of PAIRS) {
      await a.cache.set(one, 'one')
      await a.cache.set(other, 'other')
    }
    await a.cache.set('k-text', TEXT)
    const cold = await world.open()
    for (const [one, other] of PAIRS) {
      const found = await cold.cache.get(one)
      if (found !== 'one') wrong.push(`${one} reads as ${other}`)
    }
    const text = await cold.cache.get('k-text')
    if (text !== TEXT) wrong.push(`"${TEXT}" reads as ${typeof text === 'number' ? String(text) : show(text)}`)
    const told = await a.cache.changesOfBulk?.({ 'k-bulk-1': 1, 'k-bulk-2': 2 })
    if (told !== undefined && told !== 2) wrong.push(`a watcher is told of ${told} of 2 writes`)
    return wrong.length === 0 ? HOLDS : fails(wrong.join(', '))
  },
}
