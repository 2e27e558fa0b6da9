import { repair } from '../actors/follower.ts'
import { needsStart } from '../actors/diagnosis.ts'
import type { Violation } from '../checker/explore.ts'
import { DONE, IDLE } from '../state/processes.ts'
import { isReady } from '../state/server.ts'
import type { State } from '../state/state.ts'
import type { World } from '../world.ts'
import { missedChange } from './missing.ts'

/** When nobody has anything left to do, the front holds nothing but what the back tier holds, and is in use. */
export function violationOfConvergence(state: State, world: World): Violation | undefined {
  const { back, servers, writers, readers, followers } = state
  const server = servers[back.agreement.server]
  if (server === undefined || followers.length === 0) return undefined
  if (!writers.every(({ phase }) => phase === DONE) || !readers.every(({ fill }) => fill === undefined))
    return undefined
  if (!followers.every(({ phase, at }) => phase === IDLE && at === back.agreement.server)) return undefined
  if (hasWork(state, world) || isOutOfBudget(state, world)) return undefined
  const at = back.log.length
  for (let key = 0; key < world.scenario.keys; key++) {
    const record = server.records[key]
    if (record === undefined || record.epoch !== server.epoch) continue
    const missed = missedChange(back.log, key, record.version, at)
    if (missed === undefined) continue
    return { invariant: 'no convergence', detail: `all is quiet, and k${key} v${record.version} misses ${missed}` }
  }
  const isInUse = isReady(server) && server.epoch === back.agreement.epoch && !back.agreement.suspended
  if (isInUse && server.watermark >= at) return undefined
  return {
    invariant: 'no convergence',
    detail: `all is quiet, and the front is of no use: its watermark is ${server.watermark}`,
  }
}

function hasWork(state: State, world: World): boolean {
  let has = false
  const found = (): void => void (has = true)
  state.followers.forEach((_, i) => repair(state, world, found, i))
  return has
}

/** The scenario ends before the repair does: another start, or another term, would be one too many to explore. */
function isOutOfBudget({ back, spent, servers }: State, world: World): boolean {
  const { scenario } = world
  const server = servers[back.agreement.server]!
  const isAtLimit = back.agreement.term >= scenario.maxTerms || spent.starts >= scenario.maxStarts
  return isAtLimit && (back.agreement.suspended || needsStart(server, back, world, false))
}
