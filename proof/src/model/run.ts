import { type Exploration, explore, type Finding } from './checker/explore.ts'
import { type Flaw, FLAWS } from './flaws.ts'
import { protocolOf } from './protocol.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { scenarioNamed, SCENARIOS } from './scenarios/scenarios.ts'
import { worldOf } from './world.ts'

export type Progress = (line: string) => void

export interface ScenarioResult {
  readonly scenario: Scenario
  readonly exploration: Exploration
}

/** Explores a scenario to the end, or to what is wrong with it. */
export function check(scenario: Scenario, onProgress: Progress): ScenarioResult {
  const exploration = explore(protocolOf(worldOf(scenario)), {
    onProgress: (states, depth) =>
      onProgress(`${scenario.name}: ${states.toLocaleString('en')} states, ${depth} steps deep`),
  })
  return { scenario, exploration }
}

export interface MutantResult {
  readonly flaw: Flaw
  readonly about: string
  /** undefined: it went unnoticed everywhere. */
  readonly caughtBy: string | undefined
  /** The first promise that is broken: of a fence, say. */
  readonly first: Finding | undefined
  /** The first thing that goes wrong where a user could see it; undefined: nothing did within the limit. */
  readonly visible: Finding | undefined
  readonly states: number
}

/** A mutant that is to be found lies well within this. */
const MAX_STATES = 400_000
/** What it does to a user may lie further away, and is not worth more than this. */
const MAX_VISIBLE = 160_000

/** Looks for the shortest way to what a broken rule breaks: where it is expected first, and then everywhere. */
export function hunt(flaw: Flaw, onProgress: Progress): MutantResult {
  const { about, caughtBy } = FLAWS[flaw]
  const expected = scenarioNamed(caughtBy)
  const others = SCENARIOS.filter((each) => each !== expected && each.quick)
  let states = 0
  for (const scenario of [expected, ...others]) {
    onProgress(`mutant ${flaw} in ${scenario.name}`)
    const inner = explore(protocolOf(worldOf(scenario, flaw)), { maxStates: MAX_STATES })
    states += inner.states
    if (inner.finding === undefined) continue
    const outer = explore(protocolOf(worldOf(scenario, flaw, false)), { maxStates: MAX_VISIBLE })
    states += outer.states
    return { flaw, about, caughtBy: scenario.name, first: inner.finding, visible: outer.finding, states }
  }
  return { flaw, about, caughtBy: undefined, first: undefined, visible: undefined, states }
}
