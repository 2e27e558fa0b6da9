import type { Tidemark } from 'tidemark'
import { itemOf, stringKeys } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'

const KEYS = 10_000
const names = stringKeys(KEYS)

export interface LogItemsOptions {
  /** The number of the first item. @default 0 */
  readonly first?: number
  /** @default 512 at once */
  readonly lanes?: number
}

/** Writes so many items, each a commit of its own, to 10,000 keys in turn: the log gets all of them. */
export async function logItems(
  store: Tidemark,
  count: number,
  { first = 0, lanes = 512 }: LogItemsOptions = {},
): Promise<void> {
  let next = first
  await inLanes(lanes, count, async () => {
    const number = next++
    await store.set(names[number % KEYS]!, itemOf(number % KEYS, number))
  })
}
