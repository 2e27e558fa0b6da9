import { nowMicros } from '../clock.ts'
import type { FaultWindow } from '../check/describe.ts'
import { drawFrom } from '../random.ts'
import type { Stage } from './fault.ts'
import { FAULTS } from './kinds.ts'
import type { PlannedFault } from './plan.ts'

export interface FaultRun {
  readonly stage: Stage
  readonly onBegin: (kind: string) => void
  readonly onEnd: (window: FaultWindow) => void
}

/** Makes the faults of one lane, one after the other. When the signal aborts, the one under way is healed early. */
export async function runFaults(faults: readonly PlannedFault[], { stage, onBegin, onEnd }: FaultRun): Promise<void> {
  const start = performance.now()
  for (const { kind, atMs, seed } of faults) {
    await stage.sleep(Math.max(0, atMs - (performance.now() - start)))
    if (stage.signal.aborted) return
    const from = nowMicros()
    onBegin(kind)
    const fault = FAULTS[kind]
    const note = await fault.run(stage, drawFrom(seed))
    onEnd({ kind, rollsBack: fault.rollsBack, from, to: nowMicros(), note })
  }
}
