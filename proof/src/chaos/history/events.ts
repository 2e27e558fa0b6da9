import type { Micros } from '../clock.ts'

/** How a value was read. `linearizable`: by an option of the call. `last`: after everything had come to rest. `getOrSet`: it may have been loaded. */
export type ReadVia = 'getOrSet' | 'get' | 'entry' | 'getMany' | 'linearizable' | 'last'

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

export type WriteOp = 'set' | 'delete' | 'increment' | 'invalidate'

/** A write that a worker has begun. */
export interface WriteEvent {
  readonly kind: 'write'
  readonly session: string
  /** Of an invalidation, the name of the tag: see nameOfTag. */
  readonly key: string
  readonly op: WriteOp
  /** Of the value; for a delete or an invalidation, of the call. */
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

/** A loader was called. What it brings may be stored, or reach those who asked before, or be refused. */
export interface LoadEvent {
  readonly kind: 'load'
  readonly session: string
  readonly key: string
  /** Of the value that it brings. */
  readonly id: string
  readonly startedAt: Micros
  /** What becomes of it: it brings a value, finds nothing, or throws. */
  readonly outcome: 'value' | 'nothing' | 'error'
  /** Of the value; undefined where it brings none. */
  readonly hash: string | undefined
  /** When the call that it belonged to returned this value; undefined: never, or it returned something else. */
  readonly returned: Micros | undefined
}

/** A call that rejected; `background`: a failure that the store reports beside its promises. */
export interface FailureEvent {
  readonly kind: 'failure'
  readonly session: string
  readonly op: WriteOp | ReadVia | 'background'
  readonly key: string
  /** LOADER: with what a loader threw; the message is the id of the load. */
  readonly code: string
  readonly message: string
  readonly invoke: Micros
  readonly return: Micros
}

export interface History {
  readonly reads: readonly ReadEvent[]
  readonly writes: readonly WriteEvent[]
  readonly loads: readonly LoadEvent[]
  readonly failures: readonly FailureEvent[]
}
