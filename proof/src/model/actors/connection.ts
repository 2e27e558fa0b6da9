import type { State } from '../state/state.ts'
import type { World } from '../world.ts'

/** The servers that a connection which is made now may lead to, other than the one that it leads to already. */
export function destinations({ servers }: State, { scenario }: World, at: number): readonly number[] {
  if (scenario.takeover === undefined || servers[1] === undefined) return []
  if (at === 0) return [1]
  return scenario.takeover.back && servers[0] !== undefined ? [0] : []
}

/** Whether the agreement may change once more. */
export function mayAgree({ back }: State, { scenario }: World): boolean {
  return back.agreement.term < scenario.maxTerms
}
