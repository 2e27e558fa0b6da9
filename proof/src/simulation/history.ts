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
  /** What the options of the process allow beyond Δ. */
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

interface FaultEvent {
  readonly type: 'fault'
  readonly at: number
  readonly what: string
  /** What servers knew may be gone, or two of them may be in use. */
  readonly forgets: boolean
}

/** What servers and stores did in between; recorded on request only. */
interface TraceEvent {
  readonly type: 'trace'
  readonly at: number
  readonly what: string
}

export type HistoryEvent = ReadEvent | WriteEvent | TroubleEvent | CommitEvent | FaultEvent | TraceEvent

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
