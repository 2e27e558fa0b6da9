import { styleText } from 'node:util'
import type { Report } from '../figures.ts'
import { isPutToTheTest } from '../verdict.ts'
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
    renderRatios(hitRatio),
    `${count(reads)} reads`,
    `${count(writes)} writes`,
    `${count(staleReads)} stale`,
    `${count(errors)} errors`,
  ].join(' · ')
}

/** What is left on the screen when everything has ended. */
export function renderSummary(report: Report): string {
  const { durationMs, instances, reads, writes, requestsPerSecond, p50Ms, p99Ms, hitRatio, failures } = report
  const { changesDelivered, changesExpected, outOfOrder, duplicates, staleReads } = report
  const lines = [
    '',
    `${count(reads)} reads and ${count(writes)} writes through ${instances} instances in ${clock(durationMs)}`,
    `${count(requestsPerSecond)} requests/s, p50 ${milliseconds(p50Ms)} ms, p99 ${milliseconds(p99Ms)} ms`,
    `reads answered by ${renderRatios(hitRatio)}; ${count(staleReads)} of them stale`,
    `${count(changesDelivered)} of ${count(changesExpected)} changes delivered, ${outOfOrder} out of order, ${duplicates} twice`,
    ...failures.map((failure) => styleText(['red', 'bold'], `✗ ${failure}`)),
  ]
  if (failures.length === 0) {
    lines.push(
      isPutToTheTest(report)
        ? styleText(['green', 'bold'], '✓ every promise was kept')
        : styleText('yellow', 'nothing was written, so nothing was checked'),
    )
  }
  return lines.map((line) => ` ${line}`).join('\n')
}

function renderRatios(hitRatio: Readonly<Record<string, number>>): string {
  return tiersOf(hitRatio)
    .map((tier) => `${tier} ${percent(hitRatio[tier] ?? 0)}`)
    .join(', ')
}
