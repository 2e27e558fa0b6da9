import { readBack } from '../state/back.ts'
import { APPLIED, COMMITTED, type Near } from '../state/processes.ts'
import { type State, withWriter } from '../state/state.ts'
import type { Actor } from '../world.ts'
import { isServed } from './certificate.ts'
import { nearApply, nearEvict, nearFill, nearForget, nearTail } from './near-memory.ts'

/** The process of the first reader: follows the log, takes its own commits, and keeps what it reads from below. */
export const keepNear: Actor = (state, world, emit) => {
  const { near, back, writers } = state
  if (near === undefined) return
  const { log } = back
  const becomes = (next: Near): State => ({ ...state, near: next })
  writers.forEach(({ phase, told, key, seq }, i) => {
    if (told || (phase !== COMMITTED && phase !== APPLIED)) return
    const next = near.started ? nearApply(near, key, seq, log[seq - 1]!.deletes, world) : near
    emit(`N takes its own ${seq}`, withWriter(becomes(next), i, { told: true }))
  })
  if (!near.started) {
    emit(`N starts at ${log.length}`, becomes({ ...near, started: true, watermark: log.length, floor: log.length }))
    return
  }
  const next = log[near.watermark]
  if (next !== undefined) emit(`N takes ${near.watermark + 1} from the log`, becomes(nearTail(near, next.key, world)))
  if (near.fill !== undefined) emit(`N fills k${near.fill.key}`, becomes(nearFill(near, world)))
  for (let key = 0; key < world.scenario.keys; key++) {
    if (near.records[key] !== undefined) emit(`N evicts k${key}`, becomes(nearEvict(near, key)))
    else if (near.fill === undefined) readBelow(state, near, key, world, emit)
    if (near.fences[key]! > 0) emit(`N forgets k${key}`, becomes(nearForget(near, key, world)))
  }
}

/** From the shared front where that is certified, else from the back tier. */
const readBelow = (
  state: State,
  near: Near,
  key: number,
  ...[world, emit]: [Parameters<Actor>[1], Parameters<Actor>[2]]
): void => {
  const reader = state.readers[0]
  const server = reader && state.servers[reader.at]
  if (reader !== undefined && server !== undefined && isServed(reader, server, key, world)) {
    const { version, absent } = server.records[key]!
    const includes = reader.certificate?.head ?? 0
    const asOf = world.flaw === 'near-fill-of-followed' ? near.watermark : includes
    emit(`N reads k${key} at S${reader.at}`, { ...state, near: { ...near, fill: { key, version, absent, asOf } } })
    return
  }
  const { version, absent, asOf } = readBack(state.back, key, world.scenario.bornAbsent)
  emit(`N reads k${key} below`, { ...state, near: { ...near, fill: { key, version, absent, asOf } } })
}
