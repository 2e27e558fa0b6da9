import type { Micros } from '../clock.ts'
import type { History } from '../history/events.ts'
import type { FaultWindow } from './describe.ts'
import type { Logged } from './logged.ts'

/** Everything that is known of a run. */
export interface Evidence {
  /** The whole log of the back tier, from seq 1. */
  readonly log: readonly Logged[]
  readonly history: History
  readonly faults: readonly FaultWindow[]
  /** What the times in excerpts count from. */
  readonly start: Micros
  readonly ack: 'bounded' | 'strict'
  /** How old what a read misses may be when a front has failed, in ms. */
  readonly boundMs: number
  /** How long after the end of a fault its consequences are still its own, in ms. */
  readonly aftermathMs: number
}
