import type { FaultWindow } from '../check/describe.ts'
import { Intervals } from '../check/intervals.ts'
import type { Micros } from '../clock.ts'
import type { History } from '../history/events.ts'

/** The longest that a call took, in ms. Not while a worker was stopped: it, and who waits for its lock, can do nothing then. */
export function slowest(
  { reads, writes }: History,
  faults: readonly FaultWindow[],
): { readonly slowestReadMs: number; readonly slowestWriteMs: number } {
  const stopped = new Intervals(faults.filter(({ kind }) => kind === 'pause-worker'))
  const longest = (calls: readonly (readonly [from: Micros, to: Micros])[]): number => {
    let most = 0
    for (const [from, to] of calls) if (to - from > most && !stopped.overlap(from, to)) most = to - from
    return Math.round(most / 1e3)
  }
  return {
    slowestReadMs: longest(reads.map((read) => [read.invoke, read.return])),
    slowestWriteMs: longest(writes.flatMap(({ invoke, ack }) => (ack === undefined ? [] : [[invoke, ack.return]]))),
  }
}
