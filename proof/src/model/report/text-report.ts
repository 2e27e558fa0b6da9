import { textTable } from '@tidemark/testkit/text-table'
import type { Finding } from '../checker/explore.ts'
import type { MutantReport, Report, ScenarioReport } from './report.ts'

/** The report as a person likes to read it. */
export function textReport({ scenarios, mutants, summary }: Report, withTraces: boolean): string {
  const { states, edges, violated, survived, seconds } = summary
  const lines: string[] = []
  if (scenarios.length > 0) {
    lines.push(textTable([SCENARIO_HEADING, ...scenarios.map(scenarioRow)], [1, 2, 3, 4]), '')
    for (const { name, finding } of scenarios) if (finding !== null) lines.push(...findingLines(name, finding), '')
  }
  if (mutants.length > 0) {
    lines.push(textTable([MUTANT_HEADING, ...mutants.map(mutantRow)], [3, 5]), '')
    if (withTraces) for (const mutant of mutants) lines.push(...traceLines(mutant))
  }
  const outcomes = [
    scenarios.length > 0 &&
      `${count(states)} states, ${count(edges)} steps: ${violated} of ${scenarios.length} scenarios violated`,
    mutants.length > 0 && `${mutants.length - survived} of ${mutants.length} mutants caught`,
    `${seconds} s`,
  ]
  return [...lines, `${outcomes.filter((each) => each !== false).join('; ')}.`].join('\n')
}

const SCENARIO_HEADING = ['scenario', 'states', 'steps', 'depth', 'ms', 'safe', '']

function scenarioRow({ name, about, states, edges, depth, ms, safe }: ScenarioReport): readonly string[] {
  return [name, count(states), count(edges), String(depth), count(ms), safe ? 'yes' : 'NO', about]
}

const MUTANT_HEADING = [
  'mutant',
  'caught by',
  'the first promise broken',
  'in',
  'what a reader sees',
  'in',
  'what is broken',
]

function mutantRow({ name, about, caughtBy, first, visible }: MutantReport): readonly string[] {
  return [name, caughtBy ?? 'NOBODY', ...findingCells(first), ...findingCells(visible), about]
}

function findingCells(finding: Finding | null): readonly string[] {
  return finding === null ? ['—', ''] : [finding.invariant, String(finding.trace.length)]
}

function traceLines({ name, about, caughtBy, first, visible }: MutantReport): readonly string[] {
  const finding = visible ?? first
  if (finding === null) return [`${name}: not caught`, '']
  return [`${about}`, ...findingLines(`${name} in ${caughtBy}`, finding), '']
}

function findingLines(where: string, { invariant, detail, trace }: Finding): readonly string[] {
  return [
    `${where}: ${invariant}`,
    ...trace.map((step, i) => `  ${String(i + 1).padStart(2)}. ${step}`),
    `      ${detail}`,
  ]
}

function count(value: number): string {
  return value.toLocaleString('en')
}
