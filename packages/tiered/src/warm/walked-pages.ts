import {
  type Back,
  type Found,
  type KeyList,
  type StoreKey,
  toStoreEntry,
  userKeys,
  type Visibility,
} from '@tidemark/core'
import type { WarmWalk } from './warm-options.ts'

/** Of each page, what was found, and how many keys are known to be visited yet. */
export interface WalkedPage {
  readonly found: readonly Found[]
  readonly waiting: number
}

/** The entries that a walk comes to, breadth first, each once. */
export async function* walkedPages(
  back: Back,
  { roots, next }: WarmWalk,
  { visible, limit }: { readonly visible: Visibility; readonly limit: number },
): AsyncIterable<WalkedPage> {
  const visited = new Set<string>()
  let waiting: StoreKey[] = []
  const add = (name: string, keys: KeyList): void => {
    for (const key of userKeys(name, keys)) {
      if (visited.has(key.id)) continue
      visited.add(key.id)
      waiting.push(key)
    }
  }
  add('the roots', roots)
  while (waiting.length > 0) {
    const page = waiting.slice(0, limit)
    waiting = waiting.slice(limit)
    const found = await back.read(page)
    const entries = found.map(({ entry }) => entry)
    const seen = await visible.seeAll(entries, undefined)
    for (const entry of seen) {
      if (entry !== undefined) add('the keys that walk.next returns', await next(toStoreEntry(entry)))
    }
    yield { found: found.filter((_, i) => seen[i] !== undefined), waiting: waiting.length }
  }
}
