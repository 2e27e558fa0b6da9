import type { Violation } from '../checker/explore.ts'
import { nearFence } from '../actors/near-memory.ts'
import type { State } from '../state/state.ts'
import { missedChange } from './missing.ts'

/**
 * Near memory is read after it was found to have followed the log to its head: so nothing that it holds may miss a change
 * up to where it has followed. And its fence keeps its word, as that of a shared front.
 */
export function violationNear({ near, back: { log } }: State): Violation | undefined {
  if (near === undefined || !near.started) return undefined
  for (let key = 0; key < near.records.length; key++) {
    const held = near.records[key]
    if (held === undefined) continue
    const { version, absent } = held
    const holds = `near memory holds k${key} ${absent ? 'absent' : ''}v${version}`
    const missed = missedChange(log, key, version, near.watermark)
    if (missed !== undefined) {
      return { invariant: 'near stale', detail: `${holds}, has followed to ${near.watermark}, and misses ${missed}` }
    }
    if (near.fences[key]! > version) {
      return { invariant: 'near fence unsound', detail: `${holds} though ${nearFence(near, key)} was executed there` }
    }
  }
  return undefined
}
