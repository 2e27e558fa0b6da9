import type { Violation } from '../checker/explore.ts'
import type { State } from '../state/state.ts'
import type { World } from '../world.ts'
import { violationOfConvergence } from './convergence.ts'
import { violationInFront } from './front.ts'
import { violationNear } from './near.ts'
import { violationServed } from './served.ts'

/** What a user would notice comes first. */
export function violationOf(state: State, world: World): Violation | undefined {
  return (
    violationServed(state, world) ??
    violationNear(state) ??
    (world.inner ? violationInFront(state, world) : undefined) ??
    violationOfConvergence(state, world)
  )
}
