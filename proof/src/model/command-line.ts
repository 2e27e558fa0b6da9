import { parseArgs } from 'node:util'
import { type Flaw, FLAW_NAMES } from './flaws.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { scenarioNamed, SCENARIOS } from './scenarios/scenarios.ts'

export interface Settings {
  readonly scenarios: readonly Scenario[]
  readonly mutants: readonly Flaw[]
  readonly quick: boolean
  readonly json: boolean
  readonly trace: boolean
}

export const HELP: string = `npm run model -- [options]

Explores the coherence protocol exhaustively, in small configurations: every interleaving, every fault at any time.
Then breaks one rule at a time, and finds the shortest way to what goes wrong. Exits with 1 when a scenario is
violated, or a broken rule goes unnoticed.

  --quick          small scenarios only, and all mutants: what the tests run
  --scenario NAME  only this one; may be repeated; no mutants unless asked for
  --mutant NAME    only this one; may be repeated; no scenarios unless asked for
  --trace          print the steps that lead to each violation
  --json           one JSON document on standard output, nothing else
  --help           this text

Scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}

Mutants: ${FLAW_NAMES.join(', ')}
`

/** @returns 'help' when that was asked for. @throws TypeError or RangeError for what is not understood. */
export function readCommandLine(args: readonly string[]): Settings | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true, default: [] },
      mutant: { type: 'string', multiple: true, default: [] },
      trace: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { quick, json, trace, scenario, mutant } = values
  const isAll = scenario.length === 0 && mutant.length === 0
  return {
    scenarios: isAll ? SCENARIOS.filter((each) => each.quick || !quick) : scenario.map(scenarioNamed),
    mutants: isAll ? FLAW_NAMES : mutant.map(flawNamed),
    quick,
    json,
    trace,
  }
}

function flawNamed(name: string): Flaw {
  const found = FLAW_NAMES.find((each) => each === name)
  if (found === undefined) throw new RangeError(`there is no mutant '${name}': ${FLAW_NAMES.join(', ')}`)
  return found
}
