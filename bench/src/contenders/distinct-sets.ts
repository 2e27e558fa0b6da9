import { isDeepStrictEqual } from 'node:util'
import type { Place, Subject } from '../runner/case.ts'
import { itemOf } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { openTidemark } from './open-tidemark.ts'

const SAMPLE_MS = 20
const MB = 1_000_000

/** The default store with Redis, written to with a new key each time, while its memory is watched. */
export async function distinctSets(place: Place, lanes: number): Promise<Subject> {
  const store = await openTidemark(place, { redis: place.redisUrl })
  const atStart = process.memoryUsage.rss()
  let sampled = atStart
  let written = 0
  let elapsedMs = 0
  return {
    async run(times) {
      const timer = setInterval(() => (sampled = Math.max(sampled, process.memoryUsage.rss())), SAMPLE_MS)
      const startedAt = performance.now()
      await inLanes(lanes, times, async () => {
        const number = written++
        await store.set(['item', number], itemOf(number))
      })
      elapsedMs = performance.now() - startedAt
      clearInterval(timer)
    },
    async check() {
      for (let number = 0; number < written; number += 997) {
        const value = await store.get(['item', number], { consistency: 'linearizable' })
        if (!isDeepStrictEqual(value, itemOf(number))) throw new Error(`item ${number} is not what was stored`)
      }
    },
    async notes() {
      // The kernel's own high-water mark, in KiB: it misses nothing between two samples.
      const peak = Math.max(sampled, process.resourceUsage().maxRSS * 1024)
      return {
        'peak RSS': Math.round(peak / MB),
        'peak RSS, sampled': Math.round(sampled / MB),
        'RSS at start': Math.round(atStart / MB),
        'sets per second': Math.round((written * 1000) / elapsedMs),
      }
    },
    close: () => store.close(),
  }
}
