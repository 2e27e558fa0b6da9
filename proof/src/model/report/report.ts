import type { Finding } from '../checker/explore.ts'
import type { MutantResult, ScenarioResult } from '../run.ts'

/** What a run found, as it is printed with --json. */
export interface Report {
  readonly scenarios: readonly ScenarioReport[]
  readonly mutants: readonly MutantReport[]
  readonly summary: {
    /** Of the scenarios; what the search for mutants went through is not counted. */
    readonly states: number
    readonly edges: number
    readonly violated: number
    readonly survived: number
    readonly seconds: number
  }
}

export interface ScenarioReport {
  readonly name: string
  readonly about: string
  readonly states: number
  readonly edges: number
  readonly depth: number
  readonly ms: number
  readonly safe: boolean
  readonly finding: Finding | null
}

export interface MutantReport {
  readonly name: string
  readonly about: string
  readonly caughtBy: string | null
  readonly first: Finding | null
  readonly visible: Finding | null
}

export function buildReport(
  scenarios: readonly ScenarioResult[],
  mutants: readonly MutantResult[],
  ms: number,
): Report {
  const explored = scenarios.map(({ scenario: { name, about }, exploration }) => {
    const { states, edges, depth, finding, complete } = exploration
    const rounded = Math.round(exploration.ms)
    return { name, about, states, edges, depth, ms: rounded, safe: complete && !finding, finding: finding ?? null }
  })
  const hunted = mutants.map(({ flaw, about, caughtBy, first, visible }) => ({
    name: flaw,
    about,
    caughtBy: caughtBy ?? null,
    first: first ?? null,
    visible: visible ?? null,
  }))
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    scenarios: explored,
    mutants: hunted,
    summary: {
      states: sum(explored.map(({ states }) => states)),
      edges: sum(explored.map(({ edges }) => edges)),
      violated: explored.filter(({ safe }) => !safe).length,
      survived: hunted.filter(({ caughtBy }) => caughtBy === null).length,
      seconds: Math.round(ms / 100) / 10,
    },
  }
}
