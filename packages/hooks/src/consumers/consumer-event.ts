import type { Change } from '../change.ts'

/** What happens to a consumer in this process. */
export type ConsumerEvent =
  | LaneEvent
  | AttemptFailed
  | ChangeParked
  | LaneHalted
  | LaneSkipped
  | ConsumerTrouble
  | ConsumerEnded

/** A lane has come to this process; has left it in good order; or was taken from it, which ends what was in hand. */
export interface LaneEvent {
  readonly kind: 'lane-acquired' | 'lane-released' | 'lane-lost' | 'lane-resumed'
  readonly lane: number
}

/**
 * The handler threw, rejected or took too long. It is tried again, or comes to its end, of which another event tells.
 */
export interface AttemptFailed {
  readonly kind: 'attempt-failed'
  readonly lane: number
  /** More than one: a batch, whose changes are now tried one by one. */
  readonly changes: readonly Change[]
  /** Of how many times that the change was tried; 0 for a batch. */
  readonly attempt: number
  readonly error: unknown
}

/** A change was set aside. `behind`: because an earlier one of its key was. */
export interface ChangeParked {
  readonly kind: 'parked'
  readonly lane: number
  readonly change: Change
  readonly attempts: number
  readonly behind: boolean
  readonly error: unknown
}

/** A lane stands still until it is resumed: a change failed for good, or its place in the log is gone. */
export interface LaneHalted {
  readonly kind: 'halted'
  readonly lane: number
  /** undefined: the place in the log is gone. */
  readonly change: Change | undefined
  readonly error: unknown
}

/** The log no longer held what comes next, and the lane went on with what is committed from then on. */
export interface LaneSkipped {
  readonly kind: 'skipped'
  readonly lane: number
  /** What it never gets: changes of `after < seq <= to`. */
  readonly after: number
  readonly to: number
  readonly error: unknown
}

/** The back tier failed. It is asked again, for as long as the consumer is not closed. */
export interface ConsumerTrouble {
  readonly kind: 'trouble'
  /** undefined: it concerns how lanes are shared out. */
  readonly lane: number | undefined
  readonly error: unknown
}

/** It has ended by itself: the back tier was closed, or the consumer was dropped. */
export interface ConsumerEnded {
  readonly kind: 'ended'
  readonly error: unknown
}

/** What of an event is said where nobody listens; undefined: nothing, since nothing needs attention. */
export function alarmOf(name: string, event: ConsumerEvent): string | undefined {
  switch (event.kind) {
    case 'parked':
      return event.behind ? undefined : `consumer ${name} parked change ${event.change.seq}`
    case 'halted':
      return `lane ${event.lane} of consumer ${name} was halted`
    case 'skipped':
      return `lane ${event.lane} of consumer ${name} skipped the changes from ${event.after + 1} to ${event.to}`
    case 'trouble':
      return `consumer ${name} is in trouble`
    case 'ended':
      return `consumer ${name} has ended`
    default:
      return undefined
  }
}
