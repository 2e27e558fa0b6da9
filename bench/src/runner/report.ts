import type { Case } from './case.ts'
import type { Outcome } from './contest.ts'
import type { Environment } from './environment.ts'
import { median, rounded } from './statistics.ts'
import { judge, type Verdict } from './verdict.ts'

/** What `--json` prints. Times are microseconds per operation. */
export interface Report {
  /** Raised when a reader of the last version would misunderstand. */
  readonly version: 1
  readonly environment: Environment
  readonly settings: { readonly quick: boolean; readonly rounds: number; readonly roundMs: number }
  /** Targets that were given and reached or missed. */
  readonly summary: { readonly reached: number; readonly missed: number; readonly failedContenders: number }
  readonly verdicts: readonly Verdict[]
  readonly cases: readonly CaseReport[]
}

export interface CaseReport {
  readonly name: string
  readonly measures: string
  readonly contenders: readonly ContenderReport[]
}

export interface ContenderReport extends Omit<Outcome, 'contender'> {
  readonly name: string
  readonly medianMicros: number | undefined
}

export type CaseResult = readonly [subject: Case, outcomes: readonly Outcome[]]

export function buildReport(
  environment: Environment,
  settings: Report['settings'],
  results: readonly CaseResult[],
): Report {
  const verdicts = results.flatMap(([subject, outcomes]) => judge(subject, outcomes))
  return {
    version: 1,
    environment,
    settings,
    summary: {
      reached: verdicts.filter(({ reached }) => reached === true).length,
      missed: verdicts.filter(({ reached }) => reached === false).length,
      failedContenders: results.flatMap(([, outcomes]) => outcomes.filter(({ failure }) => failure !== undefined))
        .length,
    },
    verdicts,
    cases: results.map(([{ name, measures }, outcomes]) => ({ name, measures, contenders: outcomes.map(describe) })),
  }
}

function describe({ contender: name, rounds, timesPerRound, notes, failure }: Outcome): ContenderReport {
  const medianMicros = failure === undefined ? rounded(median(rounds)) : undefined
  return { name, medianMicros, rounds: rounds.map(rounded), timesPerRound, notes, failure }
}
