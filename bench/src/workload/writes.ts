import { isDeepStrictEqual } from 'node:util'
import type { Subject } from '../runner/case.ts'
import { itemOf } from './item.ts'
import { inLanes } from './lanes.ts'
import { createPicks } from './picks.ts'

const SAMPLES = 100

export interface WritesOptions {
  readonly items: number
  readonly lanes: number
  /** Resolves when the contender acknowledges the write. */
  readonly write: (number: number, value: unknown) => Promise<unknown>
  /** Reads an item back from the lowest tier that the contender promises to have written. */
  readonly readBack: (number: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** Random writes over existing items, every one with a value of its own. */
export function writesOf({ items, lanes, write, readBack, close }: WritesOptions): Subject {
  const pick = createPicks(items)
  let revision = 0
  const one = async (): Promise<void> => {
    const number = pick()
    await write(number, itemOf(number, ++revision))
  }
  return {
    run: (times) => inLanes(lanes, times, one),
    async check() {
      for (let sample = 0; sample < SAMPLES; sample++) {
        const number = pick()
        const value = itemOf(number, ++revision)
        await write(number, value)
        const found = await readBack(number)
        if (!isDeepStrictEqual(found, value)) throw new Error(`item ${number} came back as ${JSON.stringify(found)}`)
      }
    },
    close,
  }
}
