import type { WatchAudit } from './checks/watch-audit.ts'
import type { Driver } from './driver/driver.ts'
import { mergedPercentiles } from './driver/latency.ts'
import type { ReaderFigures, Report, Verified } from './figures.ts'
import type { SideChecks } from './fleet/side-checks.ts'
import type { Monitor } from './fleet/monitor.ts'
import { failuresOf } from './verdict.ts'

export interface ReportInput {
  readonly front: string
  readonly places: number
  readonly durationMs: number
  /** The part of the requests that were to be edits. */
  readonly edits: number
  /** The head of the log when the load had ended. */
  readonly head: number
  readonly driver: Driver
  readonly monitor: Monitor
  readonly watches: WatchAudit
  readonly sides: SideChecks
  readonly verified: Verified
  readonly kills: number
  /** What ended the run before its time. */
  readonly crashes: readonly string[]
}

export function createReport(input: ReportInput): Report {
  const { front, places, durationMs, edits, head, driver, monitor, watches, sides, verified, kills, crashes } = input
  const { tally, reads, agreement, clients } = driver
  const checks = driver.subscribers.map((stream) => stream.check)
  const sum = (of: (check: (typeof checks)[number]) => number): number => checks.reduce((total, c) => total + of(c), 0)
  const { count, p50, p99 } = mergedPercentiles(clients.map(({ latency }) => latency.total))
  const writes = mergedPercentiles(clients.map(({ latency }) => latency.writes))
  const lag = monitor.lag()
  const { bypasses, failures } = monitor.frontHealth
  const changesExpected = sum(({ start }) => Math.max(0, head - start))
  // What came after the head that was waited for belongs to nobody's expectation.
  const changesDelivered = sum(({ delivered, position }) => delivered - Math.max(0, position - head))
  const figures = {
    front,
    instances: clients.length,
    places,
    durationMs: Math.round(durationMs),
    reads: tally.reads,
    writes: tally.writes,
    requestsPerSecond: Math.round(count / (durationMs / 1000)),
    p50Ms: rounded(p50, 2),
    p99Ms: rounded(p99, 2),
    writeP50Ms: rounded(writes.p50, 2),
    writeP99Ms: rounded(writes.p99, 2),
    hitRatio: Object.fromEntries(Object.entries(monitor.hitRatio()).map(([tier, ratio]) => [tier, rounded(ratio, 4)])),
    staleReads: reads.stale,
    tornReads: reads.torn,
    changesExpected,
    changesDelivered,
    lost: Math.max(0, changesExpected - changesDelivered) + agreement.beyond(head),
    outOfOrder: sum((check) => check.outOfOrder),
    duplicates: sum((check) => check.duplicates),
    disagreements: agreement.disagreements,
    resumes: driver.subscribers.reduce((total, stream) => total + stream.resumes, 0),
    lagP50Ms: lag.p50,
    lagP99Ms: lag.p99,
    stalenessMs: monitor.staleness(),
    conflicts: tally.conflicts,
    errors: tally.errors,
    kills,
    interrupted: tally.interrupted,
    frontFailures: failures,
    frontBypasses: bypasses,
    watched: watches.result(),
    reader: readerFigures(driver),
    ...sides,
    verified,
  }
  return {
    ...figures,
    failures: [
      ...crashes,
      ...failuresOf(figures, { turns: tally.turns, edits, lastError: tally.lastError, firstViolation: watches.first }),
    ],
  }
}

function readerFigures({ reader }: Driver): ReaderFigures | null {
  if (reader === undefined) return null
  const { reads, absent, stale, torn } = reader.check
  return { reads, absent, stale, torn }
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
