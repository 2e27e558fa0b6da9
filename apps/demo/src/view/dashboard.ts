import { stripVTControlCharacters, styleText } from 'node:util'
import type { FrontHealth } from '../fleet/front-health.ts'
import type { InstanceRow } from '../fleet/monitor.ts'
import { clock, count, milliseconds, percent, tiersOf } from './format.ts'
import type { FollowersRow, ReaderRow, Snapshot } from './snapshot.ts'
import { renderTable } from './table.ts'

const WIDTH = 78
const LABEL = 8
/** Of a terminal; the last one is the cursor's. */
const ROWS = 23

/** The whole dashboard; fits 80 columns. */
export function renderDashboard(snapshot: Snapshot): string {
  const { rows, uptimeMs, places, front, frontHealth, lastError } = snapshot
  const title = `${styleText(['bold', 'cyan'], 'Tidemark')} ${styleText('bold', `${rows.length} instances, one truth`)}`
  const [first, last] = [rows[0]?.url ?? '', rows.at(-1)?.url ?? '']
  const lines = [
    spread(title, `${count(places)} places · up ${clock(uptimeMs)}`),
    labelled('front', clip(front, WIDTH - LABEL)),
    ...(frontHealth === undefined ? [] : [labelled('', health(frontHealth, rows.length))]),
    '',
    ...instancesTable(snapshot),
    '',
    labelled('load', load(snapshot)),
    ...(snapshot.kills === 0 ? [] : [labelled('', killed(snapshot))]),
    labelled('write', written(snapshot)),
    labelled('', heard(snapshot)),
    ...(snapshot.reader === undefined ? [] : [labelled('reader', reader(snapshot.reader))]),
    labelled('follow', followers(snapshot.followers)),
    labelled('checks', checks(snapshot)),
  ]
  if (lastError !== undefined) lines.push(labelled('', styleText('red', clip(lastError, WIDTH - LABEL))))
  const hints = [
    labelled('try', `curl -i ${first}/places/2643743`),
    spread(labelled('', `curl -N ${last}/changes`), 'Ctrl-C ends it all'),
  ]
  // Some air, where there is room.
  if (lines.length + hints.length < ROWS) hints.unshift('')
  if (lines.length + hints.length < ROWS) lines.unshift('')
  return [...lines, ...hints].map((line) => ` ${line}`).join('\n')
}

function instancesTable({ rows, hitRatio }: Snapshot): readonly string[] {
  const tiers = tiersOf(hitRatio)
  const sum = (of: (row: InstanceRow) => number): number => rows.reduce((total, row) => total + of(row), 0)
  const most = (of: (row: InstanceRow) => number): number => Math.max(0, ...rows.map(of))
  return renderTable(
    {
      header: ['instance', 'req/s', ...tiers, 'p50 ms', 'p99 ms', 'changes', 'stale'],
      rows: rows.map((row) => ({ cells: instanceCells(row, tiers), isBad: row.staleReads > 0 || !row.isUp })),
      footer: [
        'fleet',
        count(sum((row) => row.requestsPerSecond)),
        ...tiers.map((tier) => percent(hitRatio[tier] ?? 0)),
        milliseconds(most((row) => row.p50Ms)),
        milliseconds(most((row) => row.p99Ms)),
        count(sum((row) => row.changesSeen)),
        count(sum((row) => row.staleReads)),
      ],
    },
    WIDTH,
  )
}

function instanceCells(row: InstanceRow, tiers: readonly string[]): readonly string[] {
  return [
    `${row.instance}  ${row.isUp ? `:${new URL(row.url).port}` : 'killed'}`,
    count(row.requestsPerSecond),
    ...tiers.map((tier) => percent(row.hitRatio[tier] ?? 0)),
    milliseconds(row.p50Ms),
    milliseconds(row.p99Ms),
    count(row.changesSeen),
    count(row.staleReads),
  ]
}

function load({ reads, writes, conflicts }: Snapshot): string {
  return `${count(reads)} reads · ${count(writes)} writes · ${count(conflicts)} conflicts, retried`
}

function killed({ kills, interrupted }: Snapshot): string {
  return `${count(kills)}× kill -9 and started anew · ${count(interrupted)} requests interrupted`
}

/** Whether the shared front is read now, and what there was with it. */
function health({ serving, reason, error, bypasses, failures }: FrontHealth, instances: number): string {
  const isServing = reason === undefined
  const state = isServing
    ? `✓ serves ${instances === 1 ? 'the instance' : `all ${instances} instances`}`
    : `⚠ bypassed by ${instances - serving} of ${instances}: ${reason}`
  const past = bypasses + failures === 0 ? [] : [`${count(bypasses)}× bypassed, ${count(failures)} failed calls`]
  const text = clip([state, ...past, ...(error === undefined ? [] : [error])].join(' · '), WIDTH - LABEL)
  return styleText(isServing ? 'green' : 'yellow', text)
}

/** The instance without the file. */
function reader({ url, isUp, reads, absent, stale, changesSeen }: ReaderRow): string {
  const where = isUp ? `:${new URL(url).port}` : styleText('red', 'killed')
  const found = reads === 0 ? '' : ` · ${percent(1 - absent / reads)} found`
  return `${where} · ${count(reads)} reads${found} · ${count(changesSeen)} changes · ${count(stale)} stale`
}

/** Those who make something of the changes. */
function followers({ totalsLag, isWorkerUp, auditLines, auditLag, replicaLag }: FollowersRow): string {
  const behind = (lag: number, good: string): string => (lag === 0 ? good : `${count(lag)} behind`)
  const totals = `totals ${behind(totalsLag, 'up to date')}`
  if (!isWorkerUp) return `${totals} · ${styleText('red', 'audit and replica killed')}`
  return `${totals} · audit ${behind(auditLag, `${count(auditLines)} lines`)} · replica ${behind(replicaLag, 'up to date')}`
}

/** What becomes of a write. */
function written({ staleness: { count: changes, p50, p99, max }, rows }: Snapshot): string {
  if (rows.length < 2 || changes === 0) return 'nothing yet that another instance had to hear of'
  return `other instances see it after ${p50} ms · p99 ${p99} ms · max ${max} ms`
}

function heard({ lag, resumes }: Snapshot): string {
  return `subscribers hear of it after ${lag.p50} ms · p99 ${lag.p99} ms · ${count(resumes)} resumed`
}

function checks({ staleReads, tornReads, outOfOrder, duplicates, errors }: Snapshot): string {
  const check = (amount: number, good: string, bad: string): string =>
    amount === 0 ? `${styleText('green', '✓')} ${good}` : styleText(['red', 'bold'], `✗ ${count(amount)} ${bad}`)
  return [
    check(staleReads, 'nothing stale', 'stale'),
    check(tornReads, 'nothing torn', 'torn'),
    check(outOfOrder, 'in order', 'out of order'),
    check(duplicates, 'once', 'duplicates'),
    check(errors, 'no errors', 'errors'),
  ].join('  ')
}

function labelled(label: string, text: string): string {
  return `${styleText('dim', label.padEnd(LABEL))}${text}`
}

function spread(left: string, right: string): string {
  const gap = WIDTH - stripVTControlCharacters(left).length - right.length
  return `${left}${' '.repeat(Math.max(1, gap))}${styleText('dim', right)}`
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
