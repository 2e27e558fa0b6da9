import { textTable } from '@tidemark/testkit/text-table'
import type { CaseReport, ContenderReport, Report } from './report.ts'
import { rounded } from './statistics.ts'
import type { Verdict } from './verdict.ts'

const DASH = '—'

/** The report as a person likes to read it: ratios first, then every contender, then what it was measured on. */
export function textReport(report: Report): string {
  const { summary, settings, environment } = report
  const quick = settings.quick ? ['This was a quick look: these figures are no measurement.'] : []
  const memory = environment.filesInMemory
  const free =
    memory === undefined ? [] : [`The SQLite files were on ${memory}: the figures of durable writes mean nothing.`]
  return [
    textTable([HEADING, ...report.verdicts.map(verdictRow)], [3, 4, 5]),
    '',
    `${summary.reached} targets reached, ${summary.missed} missed. Ratios are of medians over ${settings.rounds} rounds; ` +
      'in brackets, the lowest and highest of single rounds.',
    ...quick,
    ...free,
    ...report.cases.flatMap((subject) => ['', ...caseLines(subject)]),
    '',
    ...environmentLines(report),
  ].join('\n')
}

const HEADING = ['case', 'target', 'measured', 'ours µs/op', 'theirs µs/op', 'reached', 'against']

function verdictRow(verdict: Verdict, index: number, all: readonly Verdict[]): readonly string[] {
  const { ours, target, oursMicros, theirs, theirsMicros, reached } = verdict
  const repeated = all[index - 1]?.case === verdict.case
  const name = repeated ? '' : verdict.case
  return [
    `${name}${name === '' ? '  ' : ' · '}${ours}`,
    target ?? DASH,
    measured(verdict),
    micros(oursMicros),
    micros(theirsMicros),
    reached === undefined ? DASH : reached ? 'yes' : 'no',
    theirs ?? '',
  ]
}

function measured({ measured: text, range, theirs, target }: Verdict): string {
  if (range === undefined || theirs === undefined) return text
  const percent = target?.includes('%') === true || text.includes('%')
  const [low, high] = range.map((value) => String(rounded(percent ? value * 100 : value)))
  return `${text} (${low} … ${high})`
}

function micros(value: number | undefined): string {
  return value === undefined ? DASH : String(rounded(value))
}

function caseLines({ name, measures, contenders }: CaseReport): readonly string[] {
  const rows = contenders.map((contender) => [
    `  ${contender.name}`,
    timeOf(contender),
    spreadOf(contender),
    notesOf(contender),
  ])
  return [`${name}: ${measures}`, textTable([['  contender', 'µs/op', 'lowest … highest', ''], ...rows], [1, 2])]
}

function timeOf({ medianMicros }: ContenderReport): string {
  return micros(medianMicros)
}

function spreadOf({ rounds }: ContenderReport): string {
  return rounds.length === 0 ? DASH : `${Math.min(...rounds)} … ${Math.max(...rounds)}`
}

function notesOf({ notes, failure }: ContenderReport): string {
  if (failure !== undefined) return `FAILED: ${failure.split('\n', 1)[0]}`
  return Object.entries(notes)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}

function environmentLines({ environment }: Report): readonly string[] {
  const { cpu, cores, memoryGiB, os, load, node, sqlite, redis, commit, date, drivers, peers } = environment
  const versions = (named: Readonly<Record<string, string | undefined>>): string =>
    Object.entries(named)
      .map(([name, version]) => `${name} ${version ?? 'missing'}`)
      .join(', ')
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${os}; load at the start ${load.toFixed(2)}`,
    `Node ${node}, SQLite ${sqlite}, Redis ${redis ?? 'not used'}; ${versions(drivers)}`,
    `peers: ${versions(peers)}`,
    `commit ${commit}, ${date}`,
  ]
}
