// Fills a store and ends: what that takes in memory is not the contender's.
import { serve } from './companion.ts'
import { fill, openTidemark } from './open-tidemark.ts'

export interface FillerSetup {
  readonly folder: string
}

/** The items 0 to `rows - 1`, under ['item', number]. */
export interface FillOrder {
  readonly rows: number
}

serve<FillerSetup, FillOrder, void>(async ({ folder }) => async ({ rows }) => {
  const store = await openTidemark({ folder, redisUrl: '', quick: false }, { near: false })
  await fill(store, rows, (number) => ['item', number])
  await store.delete('first contact')
  await store.close()
})
