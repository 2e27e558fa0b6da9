import { isDeepStrictEqual } from 'node:util'
import type { Codec } from '@tidemark/core'
import type { Place, Subject } from '../runner/case.ts'
import { documentOf } from '../workload/document.ts'
import { stringKeys } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { createPicks } from '../workload/picks.ts'
import { openTidemark } from './open-tidemark.ts'

const BATCH = 500
const SAMPLES = 50

export interface StoredDocumentsOptions {
  readonly items: number
  readonly lanes: number
  readonly codec: Codec
  /** `set`: durable writes; `get`: reads out of the file, past near memory. */
  readonly does: 'set' | 'get'
}

/** Tidemark over a file alone, filled with documents of about 1 KB. */
export async function storedDocuments(place: Place, options: StoredDocumentsOptions): Promise<Subject> {
  const { items, lanes, codec, does } = options
  const store = await openTidemark(place, { codec, near: false })
  const names = stringKeys(items)
  for (let from = 0; from < items; from += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, items - from) }, (_, i) => from + i)
    await store.setMany(numbers.map((number) => [names[number]!, documentOf(number)] as const))
  }
  const documents = Array.from({ length: Math.min(items, 1_000) }, (_, number) => documentOf(number))
  const pick = createPicks(items)
  let revision = 0
  const one = {
    async set(): Promise<void> {
      const number = pick()
      // Made beforehand but for the revision: what is measured is what becomes of it.
      await store.set(names[number]!, { ...documents[number % documents.length]!, revision: ++revision })
    },
    async get(): Promise<void> {
      if ((await store.get(names[pick()]!)) === undefined) throw new Error('a document is missing')
    },
  }[does]
  return {
    run: (times) => inLanes(lanes, times, one),
    async check() {
      for (let sample = 0; sample < SAMPLES; sample++) {
        const number = pick()
        const value = documentOf(number, ++revision)
        await store.set(names[number]!, value, { meta: { sample } })
        const found = await store.entry(names[number]!, { consistency: 'linearizable' })
        if (!isDeepStrictEqual(found?.value, value)) throw new Error(`document ${number} is not what was stored`)
      }
    },
    close: () => store.close(),
  }
}
