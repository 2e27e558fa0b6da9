import type { Payload } from '../codec/payload.ts'

/** How a load ended. */
export interface Landing {
  /** undefined: the key does not exist. */
  readonly payload: Payload | undefined
  /**
   * Calls that began before this tick of the table may take it; for any later one it may be older than a write that was
   * acknowledged before the call.
   */
  readonly until: number
}
