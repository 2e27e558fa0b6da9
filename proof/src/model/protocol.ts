import { certify } from './actors/certificate.ts'
import { follow } from './actors/follower.ts'
import { keepNear } from './actors/near.ts'
import { read } from './actors/reader.ts'
import { write } from './actors/writer.ts'
import type { System } from './checker/explore.ts'
import { lose } from './faults/loss.ts'
import { restore } from './faults/restore.ts'
import { takeOver } from './faults/take-over.ts'
import { violationOf } from './invariants/violation.ts'
import { encoderOf } from './state/encode.ts'
import { initialState } from './state/initial.ts'
import type { State } from './state/state.ts'
import type { World } from './world.ts'

/** The coherence protocol, as a system of states and steps. */
export function protocolOf(world: World): System<State> {
  const { scenario } = world
  const actors = [write, read, follow, lose, takeOver, restore]
  if (scenario.certificates) actors.push(certify)
  if (scenario.near) actors.push(keepNear)
  return {
    initial: initialState(scenario),
    encode: encoderOf(scenario),
    steps: (state, emit) => {
      for (const actor of actors) actor(state, world, emit)
    },
    violation: (state) => violationOf(state, world),
  }
}
