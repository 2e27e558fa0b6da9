import { styleText } from 'node:util'
import type { Report } from '../figures.ts'
import { isPutToTheTest } from '../verdict.ts'
import { clock, count, milliseconds, percent, tiersOf } from './format.ts'
import type { Snapshot } from './snapshot.ts'

/** One line, where figures cannot be shown in place. */
export function renderLine({
  uptimeMs,
  rows,
  hitRatio,
  reads,
  writes,
  staleReads,
  errors,
  staleness,
  frontHealth,
  kills,
}: Snapshot): string {
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
    `visible p99 ${staleness.p99} ms`,
    ...(kills === 0 ? [] : [`${count(kills)} kills`]),
    ...(frontHealth?.reason === undefined ? [] : [`front bypassed: ${frontHealth.reason}`]),
  ].join(' · ')
}

/** What is left on the screen when everything has ended. */
export function renderSummary(report: Report): string {
  const { durationMs, instances, reads, writes, requestsPerSecond, p50Ms, p99Ms, hitRatio, failures } = report
  const { changesDelivered, changesExpected, lost, outOfOrder, duplicates, staleReads, kills, interrupted } = report
  const lines = [
    '',
    `${count(reads)} reads and ${count(writes)} writes through ${instances} instances in ${clock(durationMs)}`,
    `${count(requestsPerSecond)} requests/s, p50 ${milliseconds(p50Ms)} ms, p99 ${milliseconds(p99Ms)} ms`,
    `reads answered by ${renderRatios(hitRatio)}; ${count(staleReads)} of them stale`,
    `${count(changesDelivered)} of ${count(changesExpected)} changes delivered, ${count(lost)} lost, ${outOfOrder} out of order, ${duplicates} twice`,
    visibility(report),
    ...(kills === 0
      ? []
      : [`${count(kills)} processes killed (-9) and started anew, ${count(interrupted)} requests interrupted`]),
    ...sideLines(report),
    ...readerLines(report),
    ...frontLines(report),
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

function visibility({ stalenessMs: { count: changes, p50, p99, max } }: Report): string {
  return changes === 0
    ? 'no instance had to hear of a write of another one'
    : `writes visible in the other instances after ${p50} ms, p99 ${p99} ms, max ${max} ms`
}

function sideLines({ totals, audit, replica }: Report): readonly string[] {
  const { lines, missing, repeated, outOfOrder } = audit
  return [
    `totals of ${count(totals.countries)} countries held against their places, ${count(totals.differences)} differ`,
    `${count(lines)} lines of audit, ${count(missing)} missing, ${count(repeated)} twice, ${count(outOfOrder)} out of order`,
    `${count(replica.entries)} keys held against the replica, ${count(replica.differences)} differ`,
  ]
}

function readerLines({ reader }: Report): readonly string[] {
  if (reader === null) return []
  const { reads, absent, stale } = reader
  return [
    `${count(reads)} reads without the file, ${count(reads - absent)} found, ${count(stale)} behind what its stream had shown`,
  ]
}

function frontLines({ front, frontBypasses, frontFailures, verified }: Report): readonly string[] {
  if (front === 'memory') return []
  const { records, differences, complete, error } = verified
  const which = complete ? `${count(records)} records` : `${count(records)} records, not all of them,`
  const compared =
    error === null ? `${which} of Redis compared with SQLite, ${count(differences)} differ` : `not compared: ${error}`
  const trouble = `bypasses of Redis: ${count(frontBypasses)}; failed or late calls: ${count(frontFailures)}; SQLite answered`
  return frontBypasses + frontFailures > 0 ? [compared, trouble] : [compared]
}

function renderRatios(hitRatio: Readonly<Record<string, number>>): string {
  return tiersOf(hitRatio)
    .map((tier) => `${tier} ${percent(hitRatio[tier] ?? 0)}`)
    .join(', ')
}
