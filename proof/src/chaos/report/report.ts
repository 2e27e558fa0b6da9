import type { Figures } from '../check/check.ts'
import type { Evidence } from '../check/evidence.ts'
import { type Finding, type Findings, type ViolationKind, VIOLATIONS } from '../check/findings.ts'
import type { ChaosSettings } from '../run/settings.ts'
import { slowest } from './slowest.ts'

/** What a run found: what `--json` prints. Times are in milliseconds, those of events since the start of the run. */
export interface ChaosReport extends Readonly<Record<ViolationKind, number>> {
  /** `interrupted`: ended before its time, and nothing was violated until then. */
  readonly outcome: 'passed' | 'violated' | 'interrupted'
  readonly settings: ChaosSettings
  readonly elapsedMs: number
  /** Calls to stores; a read of several keys is one per key. */
  readonly ops: number
  readonly reads: number
  readonly writes: number
  /** Reads that load what is absent; and the loaders that were called for them. */
  readonly getOrSets: number
  readonly loads: number
  /** Writes that invalidate a tag. */
  readonly invalidations: number
  /** Reads that raced a write of their key, or a fault. */
  readonly atRiskReads: number
  /** Reads that missed an acknowledged write in a fault, within the bound or not. */
  readonly staleReads: number
  readonly maxStalenessMs: number
  readonly faults: Readonly<Record<string, number>>
  readonly faultsMade: number
  /** Reads by the tier that served them; those that went on at the same time as others are `unknown`. */
  readonly tiers: Readonly<Record<string, number>>
  /** Reads that Redis served, for certain. */
  readonly redisReads: number
  /** How many those are of the reads that Redis or SQLite served, for certain: from 0 to 1. */
  readonly redisShare: number
  /** Calls that rejected, by code. */
  readonly failures: Readonly<Record<string, number>>
  readonly slowestReadMs: number
  readonly slowestWriteMs: number
  readonly violations: Readonly<Partial<Record<ViolationKind, Finding>>>
  readonly made: readonly {
    readonly kind: string
    readonly fromMs: number
    readonly toMs: number
    readonly note: string
  }[]
}

/** Where Redis served less than this share, a run says little about Redis. */
export const ENOUGH_FROM_REDIS = 0.1

export function buildReport(run: {
  readonly settings: ChaosSettings
  readonly evidence: Evidence
  readonly figures: Figures
  readonly findings: Findings
  readonly elapsedMs: number
  readonly isInterrupted: boolean
}): ChaosReport {
  const { settings, evidence, figures, findings, elapsedMs, isInterrupted } = run
  const { history, faults, start } = evidence
  const { reads, writes, loads, failures } = history
  const counts = Object.fromEntries(VIOLATIONS.map((kind) => [kind, findings.count(kind)]))
  const tiers = countBy(reads, ({ tier }) => tier ?? 'unknown')
  const { redis: redisReads = 0, sqlite: sqliteReads = 0 } = tiers
  const isClean = VIOLATIONS.every((kind) => counts[kind] === 0)
  return {
    outcome: isClean ? (isInterrupted ? 'interrupted' : 'passed') : 'violated',
    settings,
    elapsedMs: Math.round(elapsedMs),
    ops: reads.length + writes.length,
    reads: reads.length,
    writes: writes.length,
    getOrSets: reads.filter(({ via }) => via === 'getOrSet').length,
    loads: loads.length,
    invalidations: writes.filter(({ op }) => op === 'invalidate').length,
    ...figures,
    ...(counts as Record<ViolationKind, number>),
    faults: countBy(faults, ({ kind }) => kind),
    faultsMade: faults.length,
    tiers,
    redisReads,
    redisShare: redisReads / Math.max(redisReads + sqliteReads, 1),
    failures: countBy(failures, ({ code }) => code),
    ...slowest(history, faults),
    violations: findings.all(),
    made: faults
      .toSorted((a, b) => a.from - b.from)
      .map(({ kind, from, to, note }) => {
        return { kind, fromMs: Math.round((from - start) / 1e3), toMs: Math.round((to - start) / 1e3), note }
      }),
  }
}

function countBy<T>(list: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of list) {
    const name = nameOf(item)
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
