import type { Flaw } from './flaws.ts'
import type { Scenario } from './scenarios/scenario.ts'
import type { Rules } from './scripts/rules.ts'
import type { Emit } from './checker/explore.ts'
import type { State } from './state/state.ts'

/** What stays the same throughout an exploration. */
export interface World extends Rules {
  readonly scenario: Scenario
  /** Whether the promises that the parts make to one another count too, and not only what a user notices. */
  readonly inner: boolean
}

export function worldOf(scenario: Scenario, flaw?: Flaw, inner = true): World {
  return { scenario, stripes: scenario.stripes, keepsHighest: scenario.keepsHighest, flaw, inner }
}

/** Calls `emit` for each step that this actor, or this kind of fault, may take in the state. */
export type Actor = (state: State, world: World, emit: Emit<State>) => void
