import type { RaceCache } from '@tidemark/bench-peers/races/race-cache'
import { fails, HOLDS, show } from '../outcome.ts'
import { startCluster } from '../cluster.ts'
import type { Scenario } from '../scenario.ts'
import { settled } from '../waiting.ts'
import { LONG_MS, PROPAGATION_MS } from '../world.ts'

const KEYS = ['k-0', 'k-1', 'k-2', 'k-3', 'k-4', 'k-5', 'k-6', 'k-7']

export const clearOnCluster: Scenario = {
  row: 10,
  name: '`clear()` on Redis Cluster',
  what: 'Eight keys on two nodes, then clear(): a cold instance finds none of them.',
  seenIn: 'bentocache',
  needs: ['cluster'],
  async run(world) {
    await using cluster = await startCluster(2)
    const options = { folder: world.folder, ttlMs: LONG_MS, breaker: false, refresh: false, onError: () => {} }
    const opened: RaceCache[] = []
    const open = async (): Promise<RaceCache> => {
      const cache = await world.product.openOnCluster?.(cluster.ports, options)
      if (cache === undefined) throw new Error('no adapter for a cluster')
      opened.push(cache)
      return cache
    }
    try {
      const a = await open()
      for (const key of KEYS) await a.set(key, 'v')
      if ((await cluster.countKeys()) < KEYS.length) throw new Error('the keys are not in the cluster')
      const cleared = await settled(a.clear(), PROPAGATION_MS)
      // Opened now: nothing that was sent to it can be in its memory.
      const cold = await open()
      const found = await Promise.all(KEYS.map((key) => cold.get(key)))
      const left = found.filter((value) => value !== undefined).length
      if (left === 0) return HOLDS
      const said =
        cleared.kind === 'value'
          ? 'says that it is done'
          : cleared.kind === 'error'
            ? `throws ${show(String(cleared.error))}`
            : 'hangs'
      return fails(`clear() ${said}, and ${left} of ${KEYS.length} keys are left`)
    } finally {
      for (const cache of opened) await settled(cache.close(), PROPAGATION_MS)
    }
  },
}
