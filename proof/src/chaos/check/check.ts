import type { Micros } from '../clock.ts'
import type { History } from '../history/events.ts'
import { checkCounters } from './counters.ts'
import { Describer, type FaultWindow } from './describe.ts'
import { checkDurability } from './durability.ts'
import type { Evidence } from './evidence.ts'
import type { Findings } from './findings.ts'
import { checkIntegrity } from './integrity.ts'
import { checkFailures } from './failures.ts'
import { Intervals } from './intervals.ts'
import { checkLoads } from './loads.ts'
import { checkOrder } from './order.ts'
import { GONE } from './place-read.ts'
import { placeReads } from './sessions.ts'
import { allowedStaleness, StalenessCheck } from './staleness.ts'
import { Truth } from './truth.ts'

export interface Figures {
  /** Reads that raced a write of their key, or a fault. */
  readonly atRiskReads: number
  /** Reads that missed an acknowledged write, allowed or not. */
  readonly staleReads: number
  /** The oldest acknowledged write that a read missed had been acknowledged so long before the read was invoked. */
  readonly maxStalenessMs: number
}

/**
 * Finds what cannot have happened in a store that keeps its promises. The versions give the order of all
 * writes, so this is a sort and a sweep, and no search.
 */
export function check(evidence: Evidence, findings: Findings): Figures {
  const { log, history, faults } = evidence
  const describe = new Describer(evidence.start, faults)
  const truth = new Truth(log, history)
  checkDurability(evidence, findings, describe)
  checkIntegrity(history, truth, findings, describe)
  checkOrder(history, truth, findings, describe)
  checkCounters(log, history, findings, describe)
  checkLoads(history, truth, findings, describe)
  checkFailures(history, findings, describe)

  const staleness = new StalenessCheck(evidence, findings, describe)
  for (const placed of placeReads(history, truth, (read) => allowedStaleness(read, evidence))) {
    staleness.add(placed)
    const { read, truth: key, place, isAbsent, floor, shownBy } = placed
    if (place + (isAbsent ? GONE : 0) >= floor || shownBy === undefined) continue
    findings.add('sessionViolations', () => {
      const saw = key.states[place]!.seq
      return `${describe.read(read)}, version ${saw}, after ${describe.event(shownBy)}, version ${key.states[Math.floor(floor)]!.seq}${floor % 1 > 0 ? ', gone' : ''}`
    })
  }
  const { staleReads, maxStalenessMs } = staleness
  return { atRiskReads: countAtRisk(history, faults), staleReads, maxStalenessMs }
}

function countAtRisk({ reads, writes }: History, faults: readonly FaultWindow[]): number {
  const inFault = new Intervals(faults)
  const writesOf = new Map<string, { from: Micros; to: Micros }[]>()
  for (const { key, invoke, ack } of writes) {
    // Nobody knows until when an open write was under way; it is counted as a moment.
    const interval = { from: invoke, to: ack?.return ?? invoke }
    const known = writesOf.get(key)
    if (known === undefined) writesOf.set(key, [interval])
    else known.push(interval)
  }
  const racing = new Map([...writesOf].map(([key, intervals]) => [key, new Intervals(intervals)]))
  return reads.filter(
    (read) => inFault.overlap(read.invoke, read.return) || racing.get(read.key)?.overlap(read.invoke, read.return),
  ).length
}
