import type { Payload } from '../codec/payload.ts'

/** What waits for a load gets when it has lost its right to store: it is not to be waited for any longer, look again. */
export const LEFT: unique symbol = Symbol('left')

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
