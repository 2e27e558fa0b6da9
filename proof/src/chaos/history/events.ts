import type { Micros } from '../clock.ts'

/** How a value was read. `linearizable`: by an option of the call. `last`: after everything had come to rest. */
export type ReadVia = 'get' | 'entry' | 'getMany' | 'linearizable' | 'last'

/** The answer that a worker got to one key of a read. */
export interface ReadEvent {
  readonly kind: 'read'
  /** Which life of which worker: the scope of read-your-writes and monotonic reads. */
  readonly session: string
  readonly key: string
  readonly via: ReadVia
  readonly invoke: Micros
  readonly return: Micros
  /** Of the value; undefined: the key was absent. */
  readonly id: string | undefined
  /** Computed from what was read. */
  readonly hash: string | undefined
  /** Where the call tells it. */
  readonly version: number | undefined
  /** The tier that served it, where that is certain. */
  readonly tier: string | undefined
}

export type WriteOp = 'set' | 'delete' | 'increment'

/** A write that a worker has begun. */
export interface WriteEvent {
  readonly kind: 'write'
  readonly session: string
  readonly key: string
  readonly op: WriteOp
  /** Of the value; for a delete, of the call. */
  readonly id: string
  readonly invoke: Micros
  /** undefined: it never returned, or failed; whether it is in the log is open. */
  readonly ack: WriteAck | undefined
}

export interface WriteAck {
  readonly return: Micros
  readonly version: number
  /** false: a delete that found nothing, which is no change. */
  readonly changed: boolean
  /** Whether every front has taken it, as the result tells. */
  readonly applied: boolean
  /** What an increment says it replaced: the id of the value, undefined for none. */
  readonly replaced: string | undefined
}

/** A call that rejected; `background`: a failure that the store reports beside its promises. */
export interface FailureEvent {
  readonly kind: 'failure'
  readonly session: string
  readonly op: WriteOp | ReadVia | 'background'
  readonly key: string
  readonly code: string
  readonly message: string
  readonly invoke: Micros
  readonly return: Micros
}

export interface History {
  readonly reads: readonly ReadEvent[]
  readonly writes: readonly WriteEvent[]
  readonly failures: readonly FailureEvent[]
}
