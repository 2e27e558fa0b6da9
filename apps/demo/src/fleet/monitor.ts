import { request } from 'undici'
import type { Driver } from '../driver/driver.ts'
import { percentiles } from '../driver/latency.ts'
import { Distribution, type Summary } from '../distribution.ts'
import type { InstanceStats } from '../instance/routes/health.ts'
import { type FrontHealth, frontHealthOf } from './front-health.ts'
import { Lives } from './lives.ts'

/** One instance, as the dashboard shows it. */
export interface InstanceRow {
  readonly instance: number
  readonly url: string
  /** false: it was killed, and is not back yet. */
  readonly isUp: boolean
  /** Of the time since the last look. */
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** By tier, since the load began. */
  readonly hitRatio: Readonly<Record<string, number>>
  readonly changesSeen: number
  readonly staleReads: number
}

type Rates = Pick<InstanceRow, 'requestsPerSecond' | 'p50Ms' | 'p99Ms'>

/** The shortest time that rates are told of. */
const MIN_INTERVAL_MS = 500

type Hits = Readonly<Record<string, number>>

/** Looks at every instance now and then, from outside as a monitoring system would. */
export class Monitor {
  readonly #driver: Driver
  readonly #lives: readonly Lives[]
  readonly #now: () => number
  #lookedAt: number
  #rows: readonly InstanceRow[] = []

  /** `now` is in milliseconds. */
  constructor(driver: Driver, now: () => number = () => performance.now()) {
    this.#driver = driver
    this.#lives = driver.clients.map(() => new Lives())
    this.#now = now
    this.#lookedAt = now()
  }

  get rows(): readonly InstanceRow[] {
    return this.#rows
  }

  get frontHealth(): FrontHealth {
    return frontHealthOf(
      this.#lives.map(({ current }) => current),
      this.#lives.flatMap(({ all: each }) => each),
    )
  }

  /** How long after their commit writes became visible in other instances, since these were started: of all, and of each. */
  staleness(): Summary & { readonly instances: readonly Summary[] } {
    const all = new Distribution()
    const each = this.#lives.map((lives) => {
      const one = new Distribution()
      for (const { now } of lives.all) {
        one.add(now.stalenessMs)
        all.add(now.stalenessMs)
      }
      return one.summary()
    })
    return { ...all.summary(), instances: each }
  }

  /** The head of the log, as the instances see it. */
  get head(): number {
    return Math.max(0, ...this.#lives.map(({ current }) => current?.now.changes.head ?? 0))
  }

  /** What the tiers answered from now on is what counts. */
  async start(): Promise<void> {
    await this.#fetch()
    for (const lives of this.#lives) lives.start()
  }

  /** Refreshes {@link rows}. An instance that does not answer keeps its last figures. */
  async look(): Promise<void> {
    await this.#fetch()
    const { clients, streams, reads } = this.#driver
    const rates = this.#takeRates()
    this.#rows = clients.map(({ instance, url, isUp }, i) => {
      return {
        instance,
        url,
        isUp,
        ...rates[i]!,
        hitRatio: ratios([this.#hitsSinceStart(i)]),
        changesSeen: streams[i]!.check.delivered,
        staleReads: reads.staleAt(instance),
      }
    })
  }

  /** By tier, of all reads of all instances since the load began. */
  hitRatio(): Readonly<Record<string, number>> {
    return ratios(this.#driver.clients.map((_, i) => this.#hitsSinceStart(i)))
  }

  /** How far the consumer of the totals is behind, as the owners of its lanes say. */
  get totalsLag(): number {
    const lanes = this.#lives.flatMap(({ current }) => current?.now.totals?.lanes ?? [])
    return Math.max(0, ...lanes.map(({ lag }) => lag))
  }

  /** What all instances say now. */
  async stats(): Promise<readonly InstanceStats[]> {
    await this.#fetch()
    return this.#lives.flatMap(({ current }) => current?.now ?? [])
  }

  /** The time from a commit to its arrival on a stream, in milliseconds: the slowest of the instances. */
  lag(): { readonly p50: number; readonly p99: number } {
    const lags = this.#driver.streams.map(({ lagMs }) => percentiles(lagMs))
    return { p50: Math.max(...lags.map(({ p50 }) => p50)) * 1000, p99: Math.max(...lags.map(({ p99 }) => p99)) * 1000 }
  }

  /** The last look may come right after another one: of so little time there are no rates, and the last ones stay. */
  #takeRates(): readonly Rates[] {
    const now = this.#now()
    const elapsedMs = now - this.#lookedAt
    if (elapsedMs < MIN_INTERVAL_MS && this.#rows.length > 0) {
      return this.#rows.map(({ requestsPerSecond, p50Ms, p99Ms }) => ({ requestsPerSecond, p50Ms, p99Ms }))
    }
    this.#lookedAt = now
    return this.#driver.clients.map(({ latency }) => {
      const { count, p50, p99 } = latency.takeRecent()
      return { requestsPerSecond: count / (elapsedMs / 1000), p50Ms: p50, p99Ms: p99 }
    })
  }

  async #fetch(): Promise<void> {
    await Promise.all(
      this.#driver.clients.map(async ({ url, isUp }, i) => {
        if (!isUp) return
        try {
          const { statusCode, body } = await request(`${url}/stats`, { headersTimeout: 2_000 })
          const stats = await body.json()
          if (statusCode === 200) this.#lives[i]!.heard(stats as InstanceStats)
        } catch {
          // It is stopping or gone, which the fleet hears of directly.
        }
      }),
    )
  }

  #hitsSinceStart(i: number): Hits {
    const lives = this.#lives[i]!
    const tiers = Object.keys(lives.current?.now.hits ?? {})
    return Object.fromEntries(tiers.map((tier) => [tier, lives.sum(({ hits }) => hits[tier] ?? 0)]))
  }
}

function ratios(hits: readonly Hits[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const of of hits) for (const [tier, count] of Object.entries(of)) sums[tier] = (sums[tier] ?? 0) + count
  const total = Object.values(sums).reduce((sum, count) => sum + count, 0)
  return Object.fromEntries(Object.entries(sums).map(([tier, count]) => [tier, total === 0 ? 0 : count / total]))
}
