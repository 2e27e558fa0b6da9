import type { History } from '../history.ts'
import type { Plan } from '../plan.ts'
import { checkLoads } from './loads.ts'
import { checkMoments } from './moments.ts'
import { ReadCheck } from './reads.ts'
import { Timeline } from './timeline.ts'
import type { Violation } from './violation.ts'
import { checkWrites } from './writes.ts'

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly reads: number
  readonly writes: number
  readonly atRiskReads: number
  /** Reads that a shared front answered. */
  readonly frontHits: number
  readonly faults: number
}

/** @param diverged what did not come back when nothing failed any more */
export function checkHistory(history: History, plan: Plan, diverged: readonly string[]): Verdict {
  const { events } = history
  const timeline = new Timeline(history)
  const forgets = events.find((event) => event.type === 'fault' && event.forgets)
  const forgetsSince = forgets?.type === 'fault' ? forgets.at : Infinity
  const reads = new ReadCheck(timeline, { plan, forgetsSince })
  reads.run(history)
  return {
    violations: [
      ...checkWrites(history, timeline),
      ...reads.violations,
      ...checkMoments(history, timeline),
      ...checkLoads(history, timeline, plan),
      ...diverged.map((what): Violation => ({ invariant: 'convergence', what, event: undefined })),
    ],
    reads: countOf(history, 'read'),
    writes: countOf(history, 'write'),
    atRiskReads: reads.atRisk,
    frontHits: reads.hits,
    faults: countOf(history, 'fault'),
  }
}

function countOf({ events }: History, type: string): number {
  return events.filter((event) => event.type === type).length
}
