import type { Violation } from '../checker/explore.ts'
import { needsStart } from '../actors/diagnosis.ts'
import { isReady, type Server } from '../state/server.ts'
import type { State } from '../state/state.ts'
import type { World } from '../world.ts'
import { isForeign, missedChange } from './missing.ts'

/** What must hold in every server, whether somebody reads from it or not: the fence and the watermark keep their word. */
export function violationInFront(state: State, world: World): Violation | undefined {
  for (let run = 0; run < state.servers.length; run++) {
    const server = state.servers[run]
    if (server === undefined || !isReady(server)) continue
    // After a restore, what is about another history of the log counts only where somebody would not notice that.
    if (state.back.history > 0 && needsStart(server, state.back, world, isBelieved(state))) continue
    const violation = violationAt(server, `S${run}`, state, world)
    if (violation !== undefined) return violation
  }
  return undefined
}

function violationAt(server: Server, name: string, { back: { log } }: State, world: World): Violation | undefined {
  const { records, epoch, watermark, executed } = server
  for (let key = 0; key < world.scenario.keys; key++) {
    const record = records[key]
    if (record === undefined || record.epoch !== epoch) continue
    const { version, absent } = record
    const holds = `${name} holds k${key} ${absent ? 'absent' : ''}v${version}`
    const seq = executed[key]!
    if (version < seq) {
      const isUndone = !absent && log[seq - 1]?.deletes === true
      const invariant = isUndone ? 'delete undone' : 'fence unsound'
      return { invariant, detail: `${holds} though ${seq} was executed there` }
    }
    const missed = missedChange(log, key, version, watermark)
    if (missed !== undefined) {
      return { invariant: 'watermark unsound', detail: `${holds} and misses ${missed}, its watermark is ${watermark}` }
    }
    if (isForeign(log, record)) {
      return { invariant: 'watermark unsound', detail: `${holds} of a history that is gone` }
    }
  }
  return undefined
}

/** Whether somebody has compared the mark already, and would not do it again. */
function isBelieved({ readers, followers }: State): boolean {
  return [...readers, ...followers].some(({ checked }) => checked)
}
