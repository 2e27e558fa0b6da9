import { setTimeout as sleep } from 'node:timers/promises'
import { open } from 'tidemark'
import { countTotals } from '../places/country-totals.ts'
import { count } from '../view/format.ts'
import type { Screen } from '../view/screen.ts'

const LOOK_EVERY_MS = 50
/** So many changes are counted in passing. */
const HARDLY_ANY = 5_000

/** Lets the consumer of the totals catch up with the log: the first time, that is everything that was loaded. */
export async function countPlaces(file: string, screen: Screen, signal: AbortSignal): Promise<void> {
  const store = await open({ file, near: false, sweepEveryMs: 0, log: false })
  const bar = screen.bar('counting')
  const startedAt = performance.now()
  try {
    const totals = await countTotals(store)
    let first: number | undefined
    for (;;) {
      const { lag } = await totals.stats()
      first ??= lag
      if (lag === 0 || first < HARDLY_ANY || signal.aborted) break
      bar.update(first - lag, first)
      await sleep(LOOK_EVERY_MS)
    }
    bar.end()
    if (first < HARDLY_ANY || signal.aborted) return
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    screen.say(`count  ${count(first)} changes taken into the totals of countries in ${seconds} s`)
  } finally {
    bar.end()
    await store.close()
  }
}
