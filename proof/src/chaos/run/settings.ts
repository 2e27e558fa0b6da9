import type { FaultKind } from '../faults/kinds.ts'
import type { Sabotage } from '../worker/sabotage/sabotage.ts'

/** What a run is to be like. */
export interface ChaosSettings {
  readonly forMs: number
  readonly seed: number
  readonly workers: number
  readonly keys: number
  readonly ack: 'bounded' | 'strict'
  readonly faults: readonly FaultKind[]
  readonly sabotage: Sabotage | undefined
}

/** How old what a read misses may be, while a fault is in progress: the default of the store. */
export const BOUND_MS = 300
/**
 * How long after its end what follows from a fault is still counted as its own: whoever was cut off may serve what it has
 * for one bound more; the rest is for what the times of a fault are measured with.
 */
export const AFTERMATH_MS: number = 2 * BOUND_MS
