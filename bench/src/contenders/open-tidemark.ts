import { join } from 'node:path'
import type { open as Open, OpenOptions, Tidemark } from 'tidemark'
import type { Place } from '../runner/case.ts'
import { itemOf } from '../workload/item.ts'

/** Writes per commit while a store is filled. */
const BATCH = 1_000
const ATTEMPTS = 20

/** Tidemark as its users get it, with its file in the folder of this contender. What is not given is the default. */
export async function openTidemark(place: Place, options: Omit<OpenOptions, 'file'> = {}): Promise<Tidemark> {
  const { open }: { open: typeof Open } = await import('tidemark')
  return open({ file: join(place.folder, 'store.db'), ...options })
}

/** Resolves when every shared front takes and serves. @throws when one does not within 10 s */
async function serving(store: Tidemark): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await store.set('first contact', true)
    const { fronts } = await store.explain('first contact')
    if (fronts.every(({ record, certificate }) => record !== undefined && certificate !== undefined)) return
    if (attempt === 200) throw new Error(`a front is not in use: ${JSON.stringify(fronts)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/**
 * Stores the items 0 to `count` - 1, in every tier.
 * @throws when a front never takes them
 */
export async function fill(
  store: Tidemark,
  count: number,
  keyOf: (number: number) => string | [string, number],
): Promise<void> {
  // An empty Redis starts from the head of the log at its first contact, and holds nothing that is older: not even what
  // the same batch wrote before its last key.
  await serving(store)
  for (let from = 0; from < count; from += BATCH) {
    const length = Math.min(BATCH, count - from)
    const items = Array.from({ length }, (_, i) => [keyOf(from + i), itemOf(from + i)] as const)
    for (let attempt = 1; ; attempt++) {
      const { tiers } = await store.setMany(items)
      const failed = tiers.find(({ outcome }) => outcome === 'failed')
      if (failed === undefined) break
      // The first batch may come before the connection; opening a store does not wait for a front.
      if (attempt === ATTEMPTS) throw new Error(`${failed.tier} does not take the items`, { cause: failed.error })
    }
  }
  // A process that has been busy for longer than its proofs last has to look again before it reads from a front, and what
  // it wrote meanwhile is not held there.
  await serving(store)
  await new Promise<void>((resolve, reject) => store.warm().subscribe({ complete: resolve, error: reject }))
}
