import type { OpenOptions } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'
import { stringKeys } from '../workload/item.ts'
import { writesOf } from '../workload/writes.ts'
import { fill, openTidemark } from './open-tidemark.ts'

/** The share of writes that Redis may fail to take in time, when the machine pauses; besides, one batch. */
const TOLERATED = 0.01

export interface TidemarkWritesOptions {
  readonly items: number
  readonly lanes: number
  readonly open?: Omit<OpenOptions, 'file'>
}

/** Tidemark, filled and then written to: durable (FULL), logged, and through every front before it is acknowledged. */
export async function tidemarkWrites(place: Place, { items, lanes, open }: TidemarkWritesOptions): Promise<Subject> {
  const names = stringKeys(items)
  const store = await openTidemark(place, open)
  await fill(store, items, (number) => names[number]!)
  let written = 0
  let refused = 0
  const subject = writesOf({
    items,
    lanes,
    async write(number, value) {
      const { tiers } = await store.set(names[number]!, value)
      written++
      if (tiers.some(({ outcome }) => outcome === 'failed')) refused++
    },
    readBack: (number) => store.get(names[number]!, { consistency: 'linearizable' }),
    close: () => store.close(),
  })
  return {
    ...subject,
    async check() {
      await subject.check?.()
      // Leaving a front out makes writes faster: that would be another case.
      if (refused > lanes + written * TOLERATED) throw new Error(`a front did not take ${refused} of ${written} writes`)
    },
    notes: async () => ({ 'writes that Redis did not take in time': refused }),
  }
}
