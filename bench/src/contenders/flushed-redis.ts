import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Place, Subject } from '../runner/case.ts'
import { rounded } from '../runner/statistics.ts'
import { stringKeys } from '../workload/item.ts'
import { createPicks } from '../workload/picks.ts'
import { readsOf, readUntil } from '../workload/reads.ts'
import { BackReads } from './back-reads.ts'
import { fill, openTidemark } from './open-tidemark.ts'
import { SlidingShare } from './tier-share.ts'

const WINDOW_MS = 1_000
const LOOK_EVERY_MS = 5
/** The hit ratio of a quiet time, and the share of it that counts as recovered. */
const QUIET = 0.99
const RECOVERED = 0.9
const PATIENCE_MS = 60_000

export interface FlushedRedisOptions {
  readonly items: number
  readonly stores: number
  /** Of each store. */
  readonly lanes: number
}

/**
 * Several stores on one file and one Redis, without near memory, which are read all the time. One operation is a FLUSHALL
 * and lasts until Redis answers again, in each store, 90 % of what it answered before: of the reads since the FLUSHALL, or
 * of the last second where that is shorter.
 */
export async function flushedRedis(place: Place, options: FlushedRedisOptions): Promise<Subject> {
  const { items, lanes } = options
  const names = stringKeys(items)
  const open = () => openTidemark(place, { near: false, redis: place.redisUrl, log: false })
  const stores = await Promise.all(Array.from({ length: options.stores }, open))
  await fill(stores[0]!, items, (number) => names[number]!)
  const redis = new Redis(place.redisUrl)
  const backReads = new BackReads(names)

  let isOver = false
  // One sequence: with one each, all would read the same items at about the same time.
  const pick = createPicks(items)
  const readers = stores.map((store) =>
    readsOf({ items, lanes, pick, read: (number) => store.get(names[number]!), close: () => store.close() }),
  )
  const load = Promise.all(readers.map((reader) => readUntil(() => isOver, reader)))
  // What it throws ends the measurement; see `until`.
  let failure: unknown
  load.catch((error: unknown) => (failure = error))

  const windows = stores.map((store) => new SlidingShare(store, 'redis', WINDOW_MS))
  const until = async (isReached: (look: ReturnType<SlidingShare['look']>) => boolean): Promise<void> => {
    const givesUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      const looks = windows.map((window) => window.look())
      if (looks.every(isReached)) return
      if (failure !== undefined) throw failure
      if (performance.now() > givesUpAt) throw new Error(`Redis answers too little: ${JSON.stringify(looks)}`)
      await setTimeout(LOOK_EVERY_MS)
    }
  }

  let ratio = 0
  let flushes = 0
  const recoveries: number[] = []
  let perKey = 0
  let mostOfOneKey = 0
  /** Waits until all is as it was, and takes in what the last flush has cost. */
  const quiet = async (): Promise<void> => {
    await until(({ share, isWhole }) => isWhole && share >= QUIET)
    ratio = Math.min(...windows.map((window) => window.look().share))
    const cost = backReads.take()
    if (flushes === 0) return
    perKey = Math.max(perKey, cost.perKey)
    mostOfOneKey = Math.max(mostOfOneKey, cost.mostOfOneKey)
  }
  return {
    prepare: quiet,
    async run(times) {
      for (let i = 0; i < times; i++) {
        if (i > 0) await quiet()
        flushes++
        const startedAt = performance.now()
        await redis.flushall()
        for (const window of windows) window.restart()
        await until(({ share }) => share >= ratio * RECOVERED)
        recoveries.push(performance.now() - startedAt)
      }
    },
    async check() {
      await quiet()
      for (const reader of readers) await reader.check?.()
    },
    notes: async () => ({
      'recovered within': rounded(Math.max(...recoveries) / 1_000),
      'hit ratio before': rounded(ratio),
      'back reads per key': rounded(perKey),
      'back reads of one key, at most': mostOfOneKey,
    }),
    async close() {
      isOver = true
      await load
      backReads.close()
      redis.disconnect()
      for (const reader of readers) await reader.close()
    },
  }
}
