import { VIOLATIONS } from '../check/findings.ts'
import { type ChaosReport, ENOUGH_FROM_REDIS } from './report.ts'

/** The report for people. */
export function textReport(report: ChaosReport): string {
  const { ops, reads, writes, atRiskReads, faults, faultsMade, staleReads, maxStalenessMs, elapsedMs } = report
  const lines = [
    `${count(ops)} calls in ${(elapsedMs / 1e3).toFixed(1)} s: ${count(reads)} reads, ${count(writes)} writes`,
    `${count(report.getOrSets)} reads would have loaded, and ${count(report.loads)} loaders were called; ${count(report.invalidations)} writes invalidated a tag`,
    `${count(faultsMade)} faults: ${list(faults)}`,
    `${count(atRiskReads)} reads raced a write or a fault; ${count(staleReads)} of all reads missed an acknowledged write, by at most ${maxStalenessMs.toFixed(1)} ms`,
    `reads by tier: ${list(report.tiers)}`,
    `of those from Redis or SQLite, ${(report.redisShare * 100).toFixed(0)} % came from Redis${report.redisShare < ENOUGH_FROM_REDIS ? ': too few for this run to say much about it' : ''}`,
    `rejected calls: ${list(report.failures)}`,
    `slowest read ${report.slowestReadMs} ms, slowest write ${report.slowestWriteMs} ms, where no worker was stopped`,
    '',
    ...VIOLATIONS.map((kind) => `${kind.padEnd(20)}${count(report[kind]).padStart(10)}`),
  ]
  for (const [kind, { count: all, excerpts }] of Object.entries(report.violations)) {
    lines.push('', `${kind}, the first ${excerpts.length} of ${count(all)}:`, ...excerpts.map((text) => `  ${text}`))
  }
  const total = VIOLATIONS.reduce((sum, kind) => sum + report[kind], 0)
  lines.push('', `${count(total)} violations in ${count(atRiskReads)} at-risk reads and ${count(faultsMade)} faults`)
  if (report.outcome === 'interrupted')
    lines.push(`interrupted: ${(report.settings.forMs / 1e3).toFixed(1)} s were asked for`)
  return `${lines.join('\n')}\n`
}

function count(n: number): string {
  return n.toLocaleString('en-US')
}

function list(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, n]) => `${name} ${count(n)}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}
