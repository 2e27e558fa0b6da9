import {
  eventOf,
  type StreamEvent,
  type StreamHistory,
  type StreamRule,
  validateStreams,
  type Violation,
} from '@tidemark/testkit/streams'
import type { WatchRecord } from './watch-record.ts'

type LogRow = Parameters<typeof eventOf>[0]

/** Reads the log from where it is written, and not as any stream tells it. */
export interface AuditedLog {
  read(options: {
    readonly after: number
    readonly limit: number
    readonly values: false
  }): Promise<{ readonly changes: readonly LogRow[] }>
}

/** What the audit has found. */
export interface Watched {
  /** What was shown to all subscribers, and judged. */
  readonly events: number
  /** By the guarantee that was broken. */
  readonly violations: Readonly<Record<StreamRule, number>>
}

const PAGE = 5_000

/**
 * Holds what every subscriber was shown against the log, by the six guarantees that etcd makes for its watches. Section by
 * section, so that a fleet can run for days.
 */
export class WatchAudit {
  readonly #log: AuditedLog
  readonly #records: readonly WatchRecord[]
  readonly #violations: Record<StreamRule, number> = {
    ordered: 0,
    unique: 0,
    atomic: 0,
    reliable: 0,
    resumable: 0,
    bookmarkable: 0,
  }
  #events = 0
  #first: Violation | undefined
  #auditing: Promise<void> = Promise.resolve()

  constructor(log: AuditedLog, records: readonly WatchRecord[]) {
    this.#log = log
    this.#records = records
  }

  result(): Watched {
    return { events: this.#events, violations: { ...this.#violations } }
  }

  /** The first thing that was wrong, in words. */
  get first(): string | undefined {
    if (this.#first === undefined) return undefined
    const { rule, subscriber, what } = this.#first
    return `${subscriber} is not ${rule}: ${what}`
  }

  /** Judges what was written down since the last call. @param followedTo where everybody must have arrived */
  audit(followedTo?: number): Promise<void> {
    return (this.#auditing = this.#auditing.then(() => this.#audit(followedTo)))
  }

  async #audit(followedTo: number | undefined): Promise<void> {
    const histories = this.#records.map((record) => record.history(followedTo))
    const positions = histories.flatMap(({ sessions }) =>
      sessions.flatMap(({ after, batches }) => [after, ...batches.map(({ position }) => position)]),
    )
    if (positions.length === 0) return
    const base = least(positions)
    const log = await this.#read(base, most(positions))
    const found = validateStreams(
      histories.map((history) => rebased(history, base)),
      log.map((event) => shifted(event, base)),
    )
    for (const { rule } of found) this.#violations[rule]++
    this.#first ??= found[0]
    this.#events += histories.reduce((sum, { sessions }) => sum + eventsIn(sessions), 0)
  }

  async #read(after: number, to: number): Promise<readonly StreamEvent[]> {
    const events: StreamEvent[] = []
    for (let position = after; position < to;) {
      const { changes } = await this.#log.read({ after: position, limit: PAGE, values: false })
      // It ends before what was shown, which the rules will find.
      if (changes.length === 0) break
      for (const change of changes) events.push(eventOf(change))
      position = changes.at(-1)!.seq
    }
    return events
  }
}

/** The validators count from the first change of the log that they are given. */
function rebased(history: StreamHistory, base: number): StreamHistory {
  const { followedTo } = history
  return {
    ...history,
    sessions: history.sessions.map(({ after, batches, ...session }) => ({
      ...session,
      after: after - base,
      batches: batches.map(({ events, position }) => ({
        events: events.map((event) => shifted(event, base)),
        position: position - base,
      })),
    })),
    followedTo: followedTo === undefined ? undefined : followedTo - base,
  }
}

function shifted(event: StreamEvent, base: number): StreamEvent {
  return { ...event, seq: event.seq - base, first: event.first - base, last: event.last - base }
}

function eventsIn(sessions: StreamHistory['sessions']): number {
  return sessions.reduce((sum, { batches }) => sum + batches.reduce((total, { events }) => total + events.length, 0), 0)
}

function least(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.min(a, b))
}

function most(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b))
}
