import type { Place } from '../../runner/case.ts'
import { openTidemark } from '../open-tidemark.ts'
import type { BlobPlace } from './blob-place.ts'

const KEY = ['blob', 1] as const

/** A blob of a store, with the defaults. */
export async function tidemarkBlob(place: Place): Promise<BlobPlace> {
  let store = await openTidemark(place)
  return {
    write: async (pieces) => void (await store.blob([...KEY]).write(pieces)),
    async read(take) {
      const stream = await store.blob([...KEY]).read()
      for await (const bytes of stream!) take(bytes)
    },
    async remove() {
      await store.delete([...KEY])
      // Its chunks are removed in the background, which is over when the store is closed.
      await store.close()
      store = await openTidemark(place)
    },
    close: () => store.close(),
  }
}
