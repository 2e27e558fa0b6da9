import type { Tidemark } from 'tidemark'
import { itemOf, stringKeys } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'

const KEYS = 10_000
const LANES = 512

/** Writes the items 0 to `count - 1`, each a commit of its own, to 10,000 keys in turn: what the log holds is all of them. */
export async function logItems(store: Tidemark, count: number): Promise<void> {
  const names = stringKeys(KEYS)
  let next = 0
  await inLanes(LANES, count, async () => {
    const number = next++
    await store.set(names[number % KEYS]!, itemOf(number % KEYS, number))
  })
}
