import { tidemarkWrites } from '../contenders/tidemark-writes.ts'
import type { Case, Contender, Place } from '../runner/case.ts'
import { stringKeys } from '../workload/item.ts'

const PEERS = ['bentocache-two-tier', 'cacheable-two-tier', 'cache-manager-two-tier']

const itemsIn = ({ quick }: Place): number => (quick ? 2_000 : 100_000)

/** Near memory, Redis and a synchronised SQLite file; and the same without Redis. */
function ours(lanes: number): readonly Contender[] {
  return [
    {
      name: 'tidemark',
      open: (place) => tidemarkWrites(place, { items: itemsIn(place), lanes, open: { redis: place.redisUrl } }),
    },
    { name: 'tidemark-no-redis', open: (place) => tidemarkWrites(place, { items: itemsIn(place), lanes }) },
  ]
}

/** Memory and Redis: both lose everything. Without a bus, which would cost them a publish per write. */
function peers(lanes: number): readonly Contender[] {
  const writes = async (place: Place) => {
    const { peerWrites } = await import('../contenders/peer-subjects.ts')
    const { openKeyvRedis } = await import('@tidemark/bench-peers/keyv-redis')
    const names = stringKeys(itemsIn(place))
    return { peerWrites, openKeyvRedis, options: { items: names.length, lanes, keyOf: (n: number) => names[n]! } }
  }
  return [
    {
      name: 'bentocache-two-tier',
      async open(place) {
        const { peerWrites, options } = await writes(place)
        const { openBentocache } = await import('@tidemark/bench-peers/bentocache')
        const { redisUrl } = place
        const readBack = openBentocache({ memory: false, redisUrl })
        return peerWrites(openBentocache({ memory: true, redisUrl }), { ...options, readBack })
      },
    },
    {
      name: 'cacheable-two-tier',
      async open(place) {
        const { peerWrites, options } = await writes(place)
        const { openCacheable } = await import('@tidemark/bench-peers/cacheable')
        const readBack = openCacheable('redis', place.redisUrl)
        return peerWrites(openCacheable('both', place.redisUrl), { ...options, readBack })
      },
    },
    {
      name: 'cache-manager-two-tier',
      async open(place) {
        const { peerWrites, options } = await writes(place)
        const { openCacheManager } = await import('@tidemark/bench-peers/cache-manager')
        const readBack = openCacheManager('redis', place.redisUrl)
        return peerWrites(openCacheManager('both', place.redisUrl), { ...options, readBack })
      },
    },
  ]
}

function durableSet(lanes: number, judged: boolean): Case {
  return {
    name: `durable-set-${lanes}`,
    measures: `set() of random items out of 100,000, 100 bytes each, ${lanes} at once, synchronous FULL, write-through`,
    needsRedis: true,
    contenders: [
      ...ours(lanes),
      {
        name: 'sqlite-transaction-per-write',
        open: async (place) =>
          (await import('../contenders/raw-values.ts')).rawTransactions({ ...place, items: itemsIn(place) }),
      },
      ...peers(lanes),
    ],
    targets: ['tidemark', 'tidemark-no-redis'].flatMap((name) => {
      const judge = judged && name === 'tidemark'
      return [
        {
          kind: 'times',
          ours: name,
          against: ['sqlite-transaction-per-write'],
          called: 'one transaction per write',
          ...(judge && { atLeast: 10 }),
        },
        {
          kind: 'times',
          ours: name,
          against: PEERS,
          called: 'the best volatile peer',
          ...(judge && { atLeast: 0.8 }),
        },
      ] as const
    }),
  }
}

export const durableSet128: Case = durableSet(128, true)
export const durableSet512: Case = durableSet(512, false)
