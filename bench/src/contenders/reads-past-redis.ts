import { setTimeout } from 'node:timers/promises'
import { startRedis } from '@tidemark/testkit/redis-server'
import type { Tidemark } from 'tidemark'
import type { Place, Subject } from '../runner/case.ts'
import { stringKeys } from '../workload/item.ts'
import { Latencies } from '../workload/latencies.ts'
import { readsOf, readUntil } from '../workload/reads.ts'
import { fill, openTidemark } from './open-tidemark.ts'
import { SlidingShare, shareOf, type TierShare } from './tier-share.ts'

/** The readers' time with Redis, and then without, before the first round. */
const WITH_MS = 500
const WITHOUT_MS = 3_000
const SERVED = 0.99
const PATIENCE_MS = 30_000

export interface ReadsPastRedisOptions {
  readonly items: number
  readonly lanes: number
  /** What happens to Redis: it stops answering, or is gone. Left out: there never was one. */
  readonly fault?: 'hung' | 'killed'
}

/**
 * Tidemark without near memory, read while Redis fails, and from then on. Latencies begin before the fault, under full
 * load, and end with the last round.
 */
export async function readsPastRedis(place: Place, { items, lanes, fault }: ReadsPastRedisOptions): Promise<Subject> {
  // Of its own: the server of the run serves other contenders too.
  const server = fault && (await startRedis())
  const names = stringKeys(items)
  const store = await openTidemark(place, { near: false, redis: server?.url, log: false })
  await fill(store, items, (number) => names[number]!)
  const latencies = new Latencies()
  let before: TierShare = { reads: 0, hits: 0 }
  const subject = readsOf({
    items,
    lanes,
    read: (number) => latencies.of(() => store.get(names[number]!)),
    async verify() {
      const { reads, hits } = shareOf(store, 'sqlite')
      if (hits - before.hits !== reads - before.reads) throw new Error('Redis answers, which is another case')
    },
    async close() {
      await store.close()
      await server?.close()
    },
  })
  if (server !== undefined) await untilServed(store, subject)
  latencies.restart()
  const faulty = async (): Promise<void> => {
    await setTimeout(WITH_MS)
    if (fault === 'hung') server?.stop()
    else await server?.kill()
  }
  await Promise.all([readFor(WITH_MS + WITHOUT_MS, subject), faulty()])
  before = shareOf(store, 'sqlite')
  return { ...subject, notes: async () => latencies.notes() }
}

/** Reads until Redis answers, so that it has something to take away. */
async function untilServed(store: Tidemark, subject: Subject): Promise<void> {
  const window = new SlidingShare(store, 'redis', WITH_MS)
  const givesUpAt = performance.now() + PATIENCE_MS
  await readUntil(() => {
    if (performance.now() > givesUpAt) throw new Error(`Redis answers ${window.look().share} of the reads`)
    const { share, isWhole } = window.look()
    return isWhole && share >= SERVED
  }, subject)
}

function readFor(ms: number, subject: Subject): Promise<void> {
  const endsAt = performance.now() + ms
  return readUntil(() => performance.now() >= endsAt, subject)
}
