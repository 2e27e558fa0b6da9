import type { Invariant } from './checker/violation.ts'
import type { SeedResult } from './run-seed.ts'

export interface Summary {
  readonly seeds: number
  readonly reads: number
  readonly writes: number
  readonly atRiskReads: number
  readonly frontHits: number
  readonly faults: number
  readonly virtualMs: number
  readonly violations: number
  readonly byInvariant: Readonly<Partial<Record<Invariant, number>>>
  readonly failedSeeds: readonly number[]
}

export interface Totals {
  add(result: SeedResult): void
  summary(): Summary
}

/** Sums up the runs of many seeds. */
export function totalsOf(): Totals {
  const sums = { seeds: 0, reads: 0, writes: 0, atRiskReads: 0, frontHits: 0, faults: 0, virtualMs: 0, violations: 0 }
  const byInvariant: Partial<Record<Invariant, number>> = {}
  const failedSeeds: number[] = []
  return {
    add({ seed, reads, writes, atRiskReads, frontHits, faults, virtualMs, violations }) {
      sums.seeds++
      sums.reads += reads
      sums.writes += writes
      sums.atRiskReads += atRiskReads
      sums.frontHits += frontHits
      sums.faults += faults
      sums.virtualMs += Math.round(virtualMs)
      sums.violations += violations.length
      for (const { invariant } of violations) byInvariant[invariant] = (byInvariant[invariant] ?? 0) + 1
      if (violations.length > 0) failedSeeds.push(seed)
    },
    summary: () => ({ ...sums, byInvariant, failedSeeds }),
  }
}
