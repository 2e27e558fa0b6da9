import type { Fill, NearFront, StoreKey } from '@tidemark/core'
import { parseKey, StoreKey as StoreKeys } from '@tidemark/core'
import type { FrontLink } from '../shared/front-link.ts'

const PAGE = 500

/** A front, as far as warming it goes. */
export interface WarmTarget {
  readonly name: string
  /** Resolves when it takes fills, or after so many milliseconds. */
  ready(withinMs: number, signal: AbortSignal): Promise<void>
  /** @returns how many it holds because of this */
  fill(fills: readonly Fill[]): Promise<number>
  /** The versions that it holds of the keys. */
  versions(keys: readonly StoreKey[]): Promise<readonly (number | undefined)[]>
  /** Lets go of what it holds of the keys. */
  discard(keys: readonly StoreKey[]): Promise<void>
  /** The keys of the values that it holds and that may be of none of the back tier's entries, page by page. */
  held(): AsyncIterable<readonly StoreKey[]>
}

export function nearTarget(near: NearFront): WarmTarget {
  return {
    name: near.name,
    ready: async () => {},
    fill: async (fills) => fills.filter((fill) => near.fillNow(fill) === 'installed').length,
    versions: async (keys) => keys.map(({ id }) => near.peek(id)?.entry?.version),
    discard: async (keys) => near.discardNow(keys.map(({ id }) => id)),
    // It follows the log, which takes out what is deleted.
    async *held() {},
  }
}

/** A front that fails is passed over; the link tells. */
export function sharedTarget(link: FrontLink): WarmTarget {
  const { front } = link
  return {
    name: link.name,
    ready: (withinMs, signal) => link.ready(withinMs, signal),
    fill: async (fills) => (await link.fill(fills)) ?? 0,
    versions: async (keys) => {
      const { session } = front
      if (session === undefined) return keys.map(() => undefined)
      const found = await front.read(keys, session).catch(() => [])
      return keys.map((_, i) => found[i]?.entry?.version)
    },
    // What it could not let go of is as good as what it would get.
    discard: (keys) => front.discard(keys).catch(() => undefined),
    async *held() {
      let cursor: string | undefined
      do {
        const page = await front.records(cursor, PAGE)
        yield page.records.flatMap(({ id, kind }) => (kind === 'value' ? keysOf(id) : []))
        cursor = page.cursor
      } while (cursor !== undefined)
    },
  }
}

/** None for what is no key of a store: nobody ever reads that. */
function keysOf(id: string): readonly StoreKey[] {
  try {
    return [StoreKeys.of(parseKey(id))]
  } catch {
    return []
  }
}
