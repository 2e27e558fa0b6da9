import { stripVTControlCharacters, styleText } from 'node:util'
import type { InstanceRow } from '../fleet/monitor.ts'
import { clock, count, milliseconds, percent, tiersOf } from './format.ts'
import type { Snapshot } from './snapshot.ts'

type Style = Parameters<typeof styleText>[0]

const WIDTH = 88
const RULE = styleText('dim', '─'.repeat(WIDTH))

/** The whole dashboard, at most 88 columns wide. */
export function renderDashboard(snapshot: Snapshot): string {
  const { front, rows, uptimeMs, places } = snapshot
  const title = `${styleText('bold', 'Tidemark fleet')}  ${rows.length} instances · ${count(places)} places`
  const time = clock(uptimeMs)
  return [
    '',
    ` ${title}${time.padStart(WIDTH - 1 - visible(title))}`,
    ` ${styleText('dim', 'front')}  ${clip(front, WIDTH - 8)}`,
    '',
    ...table(snapshot),
    '',
    ` ${totals(snapshot)}`,
    ` ${verdicts(snapshot)}`,
    ...(snapshot.lastError === undefined ? [] : [` ${styleText('red', clip(snapshot.lastError, WIDTH - 1))}`]),
    '',
    ` ${styleText('dim', `try  curl -i ${rows[0]?.url}/places/2643743`)}`,
    ` ${styleText('dim', `     curl -N ${rows.at(-1)?.url}/changes`)}`,
    ` ${styleText('dim', 'Ctrl-C ends it')}`,
  ].join('\n')
}

function table({ rows, hitRatio }: Snapshot): readonly string[] {
  const tiers = tiersOf([hitRatio])
  const header = ['instance', 'req/s', ...tiers, 'p50 ms', 'p99 ms', 'changes', 'stale']
  const cells = rows.map((row) => line(row, tiers))
  const fleet = [
    'fleet',
    count(sum(rows, (row) => row.requestsPerSecond)),
    ...tiers.map((tier) => percent(hitRatio[tier] ?? 0)),
    milliseconds(Math.max(0, ...rows.map((row) => row.p50Ms))),
    milliseconds(Math.max(0, ...rows.map((row) => row.p99Ms))),
    count(sum(rows, (row) => row.changesSeen)),
    count(sum(rows, (row) => row.staleReads)),
  ]
  const widths = header.map((_, i) => Math.max(...[header, ...cells, fleet].map((cell) => cell[i]!.length)))
  // The first column takes what the others leave.
  widths[0] = WIDTH - 2 - widths.slice(1).reduce((total, width) => total + width + 2, 0)
  const format = (cell: readonly string[], style?: Style): string => {
    const text = cell
      .map((content, i) => (i === 0 ? content.padEnd(widths[i]!) : content.padStart(widths[i]!)))
      .join('  ')
    return ` ${style === undefined ? text : styleText(style, text)}`
  }
  return [
    format(header, 'dim'),
    RULE,
    ...cells.map((cell, i) => format(cell, rows[i]!.staleReads > 0 ? 'red' : undefined)),
    RULE,
    format(fleet, 'bold'),
  ]
}

function line(row: InstanceRow, tiers: readonly string[]): readonly string[] {
  return [
    `${row.instance}  ${row.url.replace('http://', '')}`,
    count(row.requestsPerSecond),
    ...tiers.map((tier) => percent(row.hitRatio[tier] ?? 0)),
    milliseconds(row.p50Ms),
    milliseconds(row.p99Ms),
    count(row.changesSeen),
    count(row.staleReads),
  ]
}

function totals({ reads, writes, conflicts, resumes, lag }: Snapshot): string {
  const parts = [
    `${count(reads)} reads`,
    `${count(writes)} writes`,
    `${count(conflicts)} conflicts retried`,
    `${count(resumes)} streams resumed`,
    `a change arrives in ${lag.p50} ms (p99 ${lag.p99})`,
  ]
  return parts.join(styleText('dim', ' · '))
}

function verdicts({ staleReads, tornReads, outOfOrder, duplicates, errors }: Snapshot): string {
  const verdict = (amount: number, what: string): string =>
    amount === 0 ? styleText('green', `✓ no ${what}`) : styleText(['red', 'bold'], `✗ ${count(amount)} ${what}`)
  return [
    verdict(staleReads, 'stale reads'),
    verdict(tornReads, 'torn reads'),
    verdict(outOfOrder, 'out of order'),
    verdict(duplicates, 'duplicates'),
    verdict(errors, 'errors'),
  ].join('  ')
}

function sum(rows: readonly InstanceRow[], of: (row: InstanceRow) => number): number {
  return rows.reduce((total, row) => total + of(row), 0)
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

function visible(text: string): number {
  return stripVTControlCharacters(text).length
}
