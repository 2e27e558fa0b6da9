import type { Consumer, Tidemark } from 'tidemark'
import type { FastifyInstance } from 'fastify'
import type { Follower, FollowerStats } from '../follower.ts'
import { readQuery } from '../query.ts'
import type { Staleness, StalenessStats } from '../staleness.ts'
import type { FrontStats, TierTrouble, TierWatch } from '../tier-watch.ts'
import type { Traffic, TrafficStats } from '../traffic.ts'

/** What `GET /stats` answers. */
export interface InstanceStats extends TrafficStats {
  readonly instance: number
  readonly pid: number
  readonly uptimeS: number
  /** By tier: the part of all reads that it answered, and how many these were. */
  readonly hitRatio: Readonly<Record<string, number>>
  readonly hits: Readonly<Record<string, number>>
  readonly changes: FollowerStats & { readonly head: number }
  readonly stalenessMs: StalenessStats
  /** null: the instances share none. */
  readonly front: FrontStats | null
  readonly trouble: TierTrouble
  /** The part that this instance has in adding up countries; null: none. */
  readonly totals: TotalsStats | null
  readonly heapMb: number
  readonly residentMb: number
}

/** The consumer that adds up countries, in one instance. */
interface TotalsStats {
  /** Those that it works on, and how many changes each is behind the head of the log. */
  readonly lanes: readonly { readonly lane: number; readonly lag: number }[]
  /** Changes that it has counted since it has these lanes. */
  readonly processed: number
}

export interface HealthContext {
  readonly instance: number
  readonly store: Tidemark
  readonly traffic: Traffic
  readonly follower: Follower
  readonly tierWatch: TierWatch
  readonly staleness: Staleness
  readonly totals: Consumer | undefined
}

/** `GET /healthz`: whether the store answers. `GET /stats`: how it is going. */
export function healthRoutes(
  app: FastifyInstance,
  { instance, store, traffic, follower, tierWatch, staleness, totals }: HealthContext,
): void {
  app.get('/healthz', async (request) => {
    readQuery(request.query, {})
    return { status: 'ok', instance, head: await store.head() }
  })

  app.get('/stats', async (request): Promise<InstanceStats> => {
    readQuery(request.query, {})
    const { reads, hits } = store.tierStats()
    const { heapUsed, rss } = process.memoryUsage()
    return {
      instance,
      pid: process.pid,
      uptimeS: Math.round(process.uptime()),
      ...traffic.snapshot(),
      hitRatio: Object.fromEntries(
        Object.entries(hits).map(([tier, count]) => [tier, reads === 0 ? 0 : count / reads]),
      ),
      hits,
      changes: { ...follower.snapshot(), head: await store.head() },
      stalenessMs: staleness.snapshot(),
      front: tierWatch.front(),
      trouble: tierWatch.trouble(),
      totals: totals === undefined ? null : await totalsStats(totals),
      heapMb: megabytes(heapUsed),
      residentMb: megabytes(rss),
    }
  })
}

async function totalsStats(totals: Consumer): Promise<TotalsStats> {
  const { lanes, processed } = await totals.stats()
  return { lanes: lanes.flatMap(({ lane, lag, owned }) => (owned ? [{ lane, lag }] : [])), processed }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10
}
