import { styleText } from 'node:util'
import type { Report } from '../report.ts'
import { clock, count, milliseconds, percent, tiersOf } from './format.ts'
import type { Snapshot } from './snapshot.ts'

/** One line, where figures cannot be shown in place. */
export function renderLine({ uptimeMs, rows, hitRatio, reads, writes, staleReads, errors }: Snapshot): string {
  const perSecond = rows.reduce((total, row) => total + row.requestsPerSecond, 0)
  const p99 = Math.max(0, ...rows.map((row) => row.p99Ms))
  return [
    clock(uptimeMs),
    `${count(perSecond)} requests/s`,
    `p99 ${milliseconds(p99)} ms`,
    tiersOf([hitRatio])
      .map((tier) => `${tier} ${percent(hitRatio[tier] ?? 0)}`)
      .join(' '),
    `${count(reads)} reads`,
    `${count(writes)} writes`,
    `${count(staleReads)} stale`,
    `${count(errors)} errors`,
  ].join(' · ')
}

/** What is left on the screen when everything has ended. */
export function renderSummary(report: Report): string {
  const { durationMs, instances, reads, writes, requestsPerSecond, p50Ms, p99Ms, hitRatio, failures } = report
  const tiers = tiersOf([hitRatio]).map((tier) => `${tier} ${percent(hitRatio[tier] ?? 0)}`)
  return [
    '',
    ` ${count(reads)} reads and ${count(writes)} writes in ${clock(durationMs)}, through ${instances} instances: ` +
      `${count(requestsPerSecond)} requests/s, p50 ${milliseconds(p50Ms)} ms, p99 ${milliseconds(p99Ms)} ms`,
    ` reads answered by: ${tiers.join(', ')}`,
    ` ${count(report.changesDelivered)} of ${count(report.changesExpected)} changes delivered, ` +
      `${report.outOfOrder} out of order, ${report.duplicates} twice; ${report.staleReads} stale reads`,
    ...failures.map((failure) => ` ${styleText(['red', 'bold'], `✗ ${failure}`)}`),
    ...(failures.length === 0 ? [` ${styleText(['green', 'bold'], '✓ every promise was kept')}`] : []),
    '',
  ].join('\n')
}
