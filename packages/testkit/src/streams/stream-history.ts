/** One change, as the log has it and as a subscriber was shown it. */
export interface StreamEvent {
  readonly seq: number
  /** The commit that it belongs to. */
  readonly first: number
  readonly last: number
  /** In its readable form; empty for what concerns no key. */
  readonly key: string
  readonly op: string
}

export interface SeenBatch {
  readonly events: readonly StreamEvent[]
  /** Up to where the batch's token says that everything was delivered. */
  readonly position: number
}

/** What a subscriber was given from one start to the next. */
export interface StreamSession {
  /** The position that it started after. */
  readonly after: number
  /** It started where nothing that came before leads to, and was told: after a snapshot, or behind what was left out. */
  readonly isAnew?: boolean | undefined
  readonly batches: readonly SeenBatch[]
}

/** Everything that one subscriber was given. */
export interface StreamHistory {
  readonly subscriber: string
  /** What it had asked for. */
  readonly isWanted: (event: StreamEvent) => boolean
  /** In the order of time: the first one starts where it likes, each later one where an earlier one said, or anew. */
  readonly sessions: readonly StreamSession[]
  /** Where it must have arrived in the end; undefined: it was stopped somewhere. */
  readonly followedTo?: number | undefined
}

export type StreamRule = 'ordered' | 'unique' | 'atomic' | 'reliable' | 'resumable' | 'bookmarkable'

export interface Violation {
  readonly rule: StreamRule
  readonly subscriber: string
  /** Counted from 0. */
  readonly session: number
  readonly what: string
}

/** Looks for one kind of wrong in one session. `log` is every change ever committed, dense from 1. */
export type SessionRule = (
  session: StreamSession,
  history: StreamHistory,
  log: readonly StreamEvent[],
) => readonly string[]

/** The wanted changes of `after < seq <= to`. */
export function wantedBetween(
  log: readonly StreamEvent[],
  { isWanted }: StreamHistory,
  after: number,
  to: number,
): readonly StreamEvent[] {
  return log.slice(after, Math.max(after, to)).filter((event) => isWanted(event))
}

export function eventsOf({ batches }: StreamSession): readonly StreamEvent[] {
  return batches.flatMap(({ events }) => events)
}
