/** Times are virtual milliseconds since the start of the run. */
export interface ReadEvent {
  readonly type: 'read'
  readonly process: string
  readonly key: string
  readonly invokedAt: number
  readonly returnedAt: number
  /** Of a value: the seq that wrote it. undefined: absent. */
  readonly version: number | undefined
  readonly asOf: number
  readonly value: unknown
  readonly tier: string
  readonly minVersion: number
  readonly linearizable: boolean
  /** Δ of the process. */
  readonly maxStaleMs: number
  /** What the options of the process allow beyond Δ. */
  readonly nearMaxStaleMs: number
  /** Read as users do: what carries an invalidated tag is absent. Where it came from, and as of when, is not known then. */
  readonly isSeen: boolean
  /** The same number for all answers to one read of several keys; undefined: of one. */
  readonly together?: number | undefined
}

/** One call of a loader. */
export interface LoaderEvent {
  readonly type: 'loader'
  readonly process: string
  readonly key: string
  readonly run: number
  readonly startedAt: number
  /** Infinity: it has not ended, or its process has. */
  endedAt: number
  /** What it is to bring; undefined: that there is nothing, unless it fails. */
  readonly value: string | undefined
  readonly fails: boolean
}

/** A `getOrSet`; what it found is recorded as a read, too, where that can be said. */
export interface LoadEvent {
  readonly type: 'load'
  readonly process: string
  readonly key: string
  readonly invokedAt: number
  readonly returnedAt: number
  readonly outcome: 'found' | 'absent' | 'failed'
  /** undefined: there was none, or it failed. */
  readonly value: unknown
  /** What the call was rejected with. */
  readonly error: unknown
  readonly maxStaleMs: number
  readonly nearMaxStaleMs: number
}

export interface WriteEvent {
  readonly type: 'write'
  readonly process: string
  readonly key: string
  readonly invokedAt: number
  readonly returnedAt: number
  /** undefined: there was nothing to delete. */
  readonly version: number | undefined
  /** What was written; undefined: it was a delete. */
  readonly value: unknown
  readonly ack: 'bounded' | 'strict'
  /** Whether every shared front said that it had taken it. */
  readonly applied: boolean
}

/** Something that a call does not do, whatever has failed. */
interface TroubleEvent {
  readonly type: 'trouble'
  readonly process: string
  readonly what: string
  readonly invokedAt: number
  readonly returnedAt: number
}

/** A change, when it became durable. */
export interface CommitEvent {
  readonly type: 'commit'
  readonly process: string
  readonly at: number
  readonly key: string
  readonly seq: number
  readonly prevVersion: number
  /** undefined: it was deleted. */
  readonly value: unknown
}

export interface FaultEvent {
  readonly type: 'fault'
  readonly at: number
  readonly what: string
  /** What servers knew may be gone, or two of them may be in use. */
  readonly forgets: boolean
  /** Which process does not run any more, until when. */
  readonly halts: { readonly process: string; readonly until: number } | undefined
}

/** What servers and stores did in between; recorded on request only. */
interface TraceEvent {
  readonly type: 'trace'
  readonly at: number
  readonly what: string
}

export type HistoryEvent =
  | ReadEvent
  | WriteEvent
  | LoaderEvent
  | LoadEvent
  | TroubleEvent
  | CommitEvent
  | FaultEvent
  | TraceEvent

/** What happened in a run, in the order in which it came to be known. */
export class History {
  readonly events: HistoryEvent[] = []
  readonly #withTrace: boolean

  constructor(withTrace: boolean) {
    this.#withTrace = withTrace
  }

  add(event: HistoryEvent): void {
    this.events.push(event)
  }

  trace(at: number, what: () => string): void {
    if (this.#withTrace) this.events.push({ type: 'trace', at, what: what() })
  }
}
