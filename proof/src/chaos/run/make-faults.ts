import type { FaultWindow } from '../check/describe.ts'
import type { Stage } from '../faults/fault.ts'
import { planFaults } from '../faults/plan.ts'
import { runFaults } from '../faults/run-faults.ts'
import { sleeper } from './deadline.ts'
import type { ChaosSettings } from './settings.ts'

export interface ChaosEvents {
  /** Something to show: what is going on, and how many calls have returned. */
  readonly onProgress?: ((what: string, ops: number) => void) | undefined
  /** Ends the run early, in order. */
  readonly signal?: AbortSignal | undefined
}

const PROGRESS_EVERY_MS = 250

/** Makes the planned faults while the workers call their stores. All are healed when it returns. @returns what was made */
export async function makeFaults(
  { seed, forMs, ack, faults: kinds }: ChaosSettings,
  { fleet, pair }: Pick<Stage, 'fleet' | 'pair'>,
  { onProgress, signal }: ChaosEvents,
): Promise<readonly FaultWindow[]> {
  const failed = new AbortController()
  const ends = AbortSignal.any([failed.signal, AbortSignal.timeout(forMs), ...(signal === undefined ? [] : [signal])])
  const sleep = sleeper(ends)
  const made: FaultWindow[] = []
  const underWay: string[] = []
  const run = {
    stage: { fleet, pair, sleep, signal: ends },
    onBegin: (kind: string): void => void underWay.push(kind),
    onEnd: (window: FaultWindow): void => {
      underWay.splice(underWay.indexOf(window.kind), 1)
      made.push(window)
    },
  }
  const progress = setInterval(() => onProgress?.(underWay.join(', '), fleet.ops), PROGRESS_EVERY_MS)
  const plan = planFaults({ seed, forMs, ack, kinds })
  const lanes = [runFaults(plan.workers, run), runFaults(plan.servers, run)]
  try {
    await Promise.all([...lanes, sleep(forMs)])
    return made
  } finally {
    failed.abort()
    // The other lane heals what it has made.
    await Promise.allSettled(lanes)
    clearInterval(progress)
  }
}
