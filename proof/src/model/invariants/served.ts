import type { Violation } from '../checker/explore.ts'
import { isServed } from '../actors/certificate.ts'
import type { FrontRecord } from '../state/server.ts'
import type { Reader } from '../state/processes.ts'
import type { State } from '../state/state.ts'
import type { World } from '../world.ts'
import { isForeign, missedChange } from './missing.ts'

/** What readers may be served from the shared front, now. */
export function violationServed(state: State, world: World): Violation | undefined {
  for (let i = 0; i < state.readers.length; i++) {
    const reader = state.readers[i]!
    const server = state.servers[reader.at]
    if (server === undefined) continue
    for (let key = 0; key < world.scenario.keys; key++) {
      if (!isServed(reader, server, key, world)) continue
      const violation = violationOf(server.records[key]!, key, i, reader, state)
      if (violation !== undefined) return violation
    }
  }
  return undefined
}

function violationOf(
  record: FrontRecord,
  key: number,
  i: number,
  { at, certificate }: Reader,
  { back: { log } }: State,
): Violation | undefined {
  const { version, absent } = record
  const served = `R${i} can be served k${key} ${absent ? 'absent' : ''}v${version} at S${at}`
  const acknowledged = missedChange(log, key, version, log.length, (commit) => commit.acknowledged)
  if (acknowledged !== undefined) {
    const deletes = log[acknowledged - 1]!.deletes
    if (deletes && !absent)
      return { invariant: 'delete undone', detail: `${served} after delete ${acknowledged} was acknowledged` }
    return { invariant: 'stale after ack', detail: `${served} after ${acknowledged} was acknowledged` }
  }
  if (certificate === undefined) return undefined
  const missed = missedChange(log, key, version, certificate.head)
  if (missed !== undefined) {
    return {
      invariant: 'certificate unsound',
      detail: `${served}, certified to ${certificate.head}, and misses ${missed}`,
    }
  }
  if (!isForeign(log, record)) return undefined
  return {
    invariant: 'certificate unsound',
    detail: `${served}, certified to ${certificate.head}, of a history that is gone`,
  }
}
