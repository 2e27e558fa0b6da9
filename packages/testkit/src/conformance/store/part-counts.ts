import { ALL_KEYS, type Back, partOf, type StoreKey } from '@tidemark/core'

/** How many elements and chunks there are, of whatever log or blob. */
export async function countParts(back: Back): Promise<number> {
  let [count, after, isMore] = [0, undefined as StoreKey | undefined, true]
  while (isMore) {
    const { keys, isLast } = await back.scanKeys(ALL_KEYS, { after, limit: 1_000, reverse: false })
    count += keys.filter(({ key }) => partOf(key) !== undefined).length
    after = keys.at(-1)?.key
    isMore = !isLast
  }
  return count
}
