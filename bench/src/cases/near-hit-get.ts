import { tidemarkReads, type TidemarkReadsOptions } from '../contenders/tidemark-reads.ts'
import type { Case, Contender, Target } from '../runner/case.ts'
import { stringKeys } from '../workload/item.ts'

const ITEMS = 1_000
const TTL_MS = 3_600_000
const AT_LEAST = 3
const BENTOCACHE = ['bentocache-memory', 'bentocache-memory-redis']

type Keys = NonNullable<TidemarkReadsOptions['keys']>

/** Made beforehand, or for every read, on both sides alike. */
function peerKeys(keys: Keys): (number: number) => string {
  const names = stringKeys(ITEMS)
  return keys === 'tuple' ? (number) => `user:${number}` : (number) => names[number]!
}

function peers(keys: Keys, lanes: number): readonly Contender[] {
  const peer = async () => (await import('../contenders/peer-subjects.ts')).peerReads
  const options = { items: ITEMS, lanes, keyOf: peerKeys(keys) }
  const bentocache = () => import('@tidemark/bench-peers/bentocache')
  return [
    {
      name: 'bentocache-memory',
      open: async () => (await peer())((await bentocache()).openBentocache({ memory: true }), options),
    },
    {
      name: 'bentocache-memory-redis',
      open: async ({ redisUrl }) =>
        (await peer())((await bentocache()).openBentocache({ memory: true, redisUrl }), options),
    },
    {
      // Not its default: reads return the stored object itself, which a reader can change for all others.
      name: 'bentocache-memory-plain',
      open: async () => (await peer())((await bentocache()).openBentocache({ memory: 'plain' }), options),
    },
    {
      name: 'cacheable-memory',
      open: async () =>
        (await peer())((await import('@tidemark/bench-peers/cacheable')).openCacheable('memory'), options),
    },
    {
      name: 'cache-manager-memory',
      open: async () =>
        (await peer())((await import('@tidemark/bench-peers/cache-manager')).openCacheManager('memory'), options),
    },
  ]
}

/**
 * `tidemark` is the default: strict, so that no read misses a write that any process has had acknowledged; the peers
 * promise nothing of the kind. `tidemark-5ms` may be that much behind other processes. The TTL is that of the peers.
 */
function ours(keys: Keys, lanes: number): readonly Contender[] {
  const common = { items: ITEMS, lanes, keys, tier: 'near' } as const
  return [
    { name: 'tidemark', open: (place) => tidemarkReads(place, { ...common, open: { near: { ttlMs: TTL_MS } } }) },
    {
      name: 'tidemark-5ms',
      open: (place) => tidemarkReads(place, { ...common, open: { near: { ttlMs: TTL_MS, maxStaleMs: 5 } } }),
    },
  ]
}

function targets(): readonly Target[] {
  return ['tidemark', 'tidemark-5ms'].flatMap((name): Target[] => [
    { kind: 'times', ours: name, against: BENTOCACHE, called: 'bentocache', atLeast: AT_LEAST },
    { kind: 'times', ours: name, against: ['bentocache-memory-plain'] },
    { kind: 'times', ours: name, against: ['cacheable-memory', 'cache-manager-memory'], called: 'the best other peer' },
  ])
}

function nearHit(name: string, measures: string, keys: Keys, lanes: number): Case {
  return {
    name,
    measures: `get() of what near memory holds, ${ITEMS} items of 100 bytes: ${measures}`,
    needsRedis: true,
    contenders: [...ours(keys, lanes), ...peers(keys, lanes)],
    targets: targets(),
  }
}

export const nearHitGet: Case = nearHit('near-hit-get', 'string keys, one after the other', 'string', 1)
export const nearHitGetTuple: Case = nearHit('near-hit-get-tuple', 'tuple keys, one after the other', 'tuple', 1)
export const nearHitGet128: Case = nearHit('near-hit-get-128', 'string keys, 128 at once', 'string', 128)
