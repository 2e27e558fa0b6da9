import { isDeepStrictEqual } from 'node:util'
import { createCborCodec, createNearMemory, Payload, StoreKey } from '@tidemark/core'
import { LRUCache } from 'lru-cache'
import type { Place, Subject } from '../runner/case.ts'
import { type Item, itemOf, stringKeys } from '../workload/item.ts'
import { createPicks } from '../workload/picks.ts'
import { fill, openTidemark } from './open-tidemark.ts'

const MAX_ENTRIES = 100_000
const TTL_MS = 3_600_000

/** Synchronous looks at random items; every one must hit. */
function peeksOf(
  items: number,
  peek: (number: number) => Item | undefined,
  close = async (): Promise<void> => {},
): Subject {
  const pick = createPicks(items)
  return {
    run(times) {
      // Something of the value is used, so that no compiler finds out that nobody wants it.
      let flags = 0
      for (let i = 0; i < times; i++) if (peek(pick())!.flag) flags++
      if (flags > times) throw new Error('unreachable')
    },
    async check() {
      for (let number = 0; number < items; number++) {
        if (!isDeepStrictEqual(peek(number), itemOf(number))) throw new Error(`item ${number} is not what was stored`)
      }
    },
    close,
  }
}

/** The near front alone: `peek` by key id, then the value of its payload, which was decoded once. */
export function nearMemoryPeeks(items: number): Subject {
  const near = createNearMemory({ maxEntries: MAX_ENTRIES, ttlMs: TTL_MS })
  const codec = createCborCodec()
  const ids = stringKeys(items).map((name, number) => {
    const key = StoreKey.of(name)
    const payload = Payload.encode(codec, itemOf(number))
    const entry = { key, version: number + 1, payload, writtenAt: Date.now(), expiresAt: undefined, meta: undefined }
    near.fillNow({ key, asOf: items, found: { entry, asOf: items, until: Infinity, tier: 'bench' } })
    return key.id
  })
  return peeksOf(items, (number) => near.peek(ids[number]!)?.entry?.payload.read() as Item | undefined)
}

/** The public `peek(key)` of an opened store, with everything that it does to a key. */
export async function tidemarkPeeks(place: Place, items: number): Promise<Subject> {
  const names = stringKeys(items)
  const store = await openTidemark(place, { near: { ttlMs: TTL_MS } })
  await fill(store, items, (number) => names[number]!)
  return peeksOf(
    items,
    (number) => store.peek<Item>(names[number]!),
    () => store.close(),
  )
}

/** Bare: bounded by entries, without TTL. */
export function lruCacheGets(items: number): Subject {
  const cache = new LRUCache<string, Item>({ max: MAX_ENTRIES })
  const names = stringKeys(items)
  for (const [number, name] of names.entries()) cache.set(name, itemOf(number))
  return peeksOf(items, (number) => cache.get(names[number]!))
}
