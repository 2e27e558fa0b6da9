import { tidemarkReads } from '../contenders/tidemark-reads.ts'
import type { Case, Contender } from '../runner/case.ts'
import { stringKeys } from '../workload/item.ts'

const ITEMS = 10_000
const LANES = 128
const RAW = ['ioredis', 'ioredis-auto-pipelining']
const PEERS = ['bentocache-redis', 'keyv-redis', 'cacheable-redis', 'cache-manager-redis']

const names = stringKeys(ITEMS)
const options = { items: ITEMS, lanes: LANES, keyOf: (number: number): string => names[number]! }
const peerReads = async () => (await import('../contenders/peer-subjects.ts')).peerReads
const rawRedis = async () => (await import('../contenders/raw-redis.ts')).openRawRedis

/** None of them has a memory tier: every read goes to Redis, and every one decodes its object. */
const contenders: readonly Contender[] = [
  {
    name: 'tidemark',
    open: (place) =>
      tidemarkReads(place, {
        items: ITEMS,
        lanes: LANES,
        tier: 'redis',
        open: { redis: place.redisUrl, near: false },
      }),
  },
  {
    name: 'ioredis',
    open: async ({ redisUrl }) =>
      (await peerReads())(await (await rawRedis())(redisUrl, { autoPipelining: false }), options),
  },
  {
    name: 'ioredis-auto-pipelining',
    open: async ({ redisUrl }) =>
      (await peerReads())(await (await rawRedis())(redisUrl, { autoPipelining: true }), options),
  },
  {
    name: 'bentocache-redis',
    open: async ({ redisUrl }) =>
      (await peerReads())(
        (await import('@tidemark/bench-peers/bentocache')).openBentocache({ memory: false, redisUrl }),
        options,
      ),
  },
  {
    name: 'keyv-redis',
    open: async ({ redisUrl }) =>
      (await peerReads())((await import('@tidemark/bench-peers/keyv-redis')).openKeyvRedis(redisUrl), options),
  },
  {
    name: 'cacheable-redis',
    open: async ({ redisUrl }) =>
      (await peerReads())((await import('@tidemark/bench-peers/cacheable')).openCacheable('redis', redisUrl), options),
  },
  {
    name: 'cache-manager-redis',
    open: async ({ redisUrl }) =>
      (await peerReads())(
        (await import('@tidemark/bench-peers/cache-manager')).openCacheManager('redis', redisUrl),
        options,
      ),
  },
]

export const redisHit128: Case = {
  name: 'redis-hit-128',
  measures: `get() of what Redis holds, without near memory, ${ITEMS} items of 100 bytes, ${LANES} at once`,
  needsRedis: true,
  contenders,
  targets: [
    { kind: 'times', ours: 'tidemark', against: ['ioredis-auto-pipelining'], atLeast: 1.5 },
    { kind: 'times', ours: 'tidemark', against: PEERS, called: 'the best peer', atLeast: 3 },
    { kind: 'times', ours: 'tidemark', against: RAW.slice(0, 1) },
  ],
}
