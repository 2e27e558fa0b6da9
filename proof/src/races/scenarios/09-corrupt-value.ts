import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

export const corruptValue: Scenario = {
  row: 9,
  name: 'one corrupt value',
  what: 'A cold instance reads a damaged value in Redis: a miss of this key, while the other keys are still served from Redis.',
  seenIn: 'bentocache',
  note: 'bentocache with its circuit breaker, which is off by default.',
  needs: [],
  async run(world) {
    const a = await world.open()
    await a.cache.set('k-corrupt', 'v')
    await a.cache.set('k-sound', 'v')
    const names = await world.keysWith('k-corrupt')
    if (names.length === 0) throw new Error('nothing of the key in Redis')
    for (const name of names) await world.admin.set(name, '{"v')
    const cold = await world.open({ breaker: true })
    const corrupt = await settled(cold.cache.get('k-corrupt'), PROPAGATION_MS)
    const sound = await settled(cold.cache.get('k-sound'), PROPAGATION_MS)
    if (sound.kind !== 'value' || sound.value !== 'v') {
      return fails(`the sound key reads as ${sound.kind === 'value' ? show(sound.value) : sound.kind}`)
    }
    if (corrupt.kind === 'error') return fails(`the read of the damaged value throws: ${show(String(corrupt.error))}`)
    if (corrupt.kind === 'pending') return fails('the read of the damaged value hangs')
    // Tidemark holds the truth itself: there, a miss in Redis is the value from the back tier.
    const isMiss = corrupt.value === undefined || corrupt.value === 'v'
    return isMiss ? HOLDS : fails(`the damaged value is served: ${show(corrupt.value)}`)
  },
}
