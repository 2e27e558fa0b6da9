import { type Draw, drawFrom } from '../random.ts'
import type { ChaosSettings } from '../run/settings.ts'
import type { Fault } from './fault.ts'
import { type FaultKind, FAULTS } from './kinds.ts'

/** A fault that is to happen. A seed plans the same faults every time, whatever the machine is doing. */
export interface PlannedFault {
  readonly kind: FaultKind
  /** Since the start of the run; later when the one before in its lane is not over yet. */
  readonly atMs: number
  /** Of the details. */
  readonly seed: number
}

const FIRST_MS = { min: 500, max: 1_500 }
const GAP_MS = { min: 1_200, max: 2_500 }
/**
 * With strict acknowledgement a fault of one worker takes Redis from all of them, for a second or more: they would seldom read
 * from it between faults that come so fast, and a run would say little of what it is about.
 */
const STRICT_GAPS = 2
/** None begins so shortly before the end. */
const LAST_MS = 500

export function planFaults(options: {
  readonly seed: number
  readonly forMs: number
  readonly kinds: readonly FaultKind[]
  readonly ack: ChaosSettings['ack']
}): Readonly<Record<Fault['lane'], readonly PlannedFault[]>> {
  const draw = drawFrom(options.seed)
  const lane = (name: Fault['lane']): readonly PlannedFault[] => {
    const kinds = options.kinds.filter((kind) => FAULTS[kind].lane === name)
    return planLane(kinds, options, drawFrom(draw.below(2 ** 32)))
  }
  return { workers: lane('workers'), servers: lane('servers') }
}

/** Every kind comes once before one comes again. */
function planLane(
  kinds: readonly FaultKind[],
  { forMs, ack }: Pick<ChaosSettings, 'forMs' | 'ack'>,
  draw: Draw,
): readonly PlannedFault[] {
  const gaps = ack === 'strict' ? STRICT_GAPS : 1
  const planned: PlannedFault[] = []
  if (kinds.length === 0) return planned
  let round: FaultKind[] = []
  for (
    let atMs = draw.between(FIRST_MS.min, FIRST_MS.max);
    atMs < forMs - LAST_MS;
    atMs += gaps * draw.between(GAP_MS.min, GAP_MS.max)
  ) {
    if (round.length === 0) round = draw.shuffled(kinds)
    planned.push({ kind: round.pop()!, atMs, seed: draw.below(2 ** 32) })
  }
  return planned
}
