import type { ReaderFigures } from '../figures.ts'
import type { Summary } from '../distribution.ts'
import type { FrontHealth } from '../fleet/front-health.ts'
import type { InstanceRow } from '../fleet/monitor.ts'

/** Everything that a view of the running fleet shows. */
export interface Snapshot {
  /** The one line that says which front is used. */
  readonly front: string
  /** undefined: the instances share none. */
  readonly frontHealth: FrontHealth | undefined
  readonly places: number
  readonly uptimeMs: number
  readonly rows: readonly InstanceRow[]
  readonly hitRatio: Readonly<Record<string, number>>
  readonly reads: number
  readonly writes: number
  readonly conflicts: number
  readonly errors: number
  /** How many instances were killed, and how many requests were under way on them. */
  readonly kills: number
  readonly interrupted: number
  readonly lastError: string | undefined
  readonly staleReads: number
  readonly tornReads: number
  readonly outOfOrder: number
  readonly duplicates: number
  readonly resumes: number
  /** The instance without the file; undefined: there is none. */
  readonly reader: ReaderRow | undefined
  readonly followers: FollowersRow
  /** How long it took until writes were visible in other instances, in milliseconds. */
  readonly staleness: Summary
  /** From a commit to its arrival at a subscriber, in milliseconds. */
  readonly lag: { readonly p50: number; readonly p99: number }
}

/** The instance without the file, as the dashboard shows it. */
export interface ReaderRow extends ReaderFigures {
  readonly url: string
  readonly isUp: boolean
  readonly changesSeen: number
}

/** Those who make something of the changes, as the dashboard shows them: how many changes each is behind the log. */
export interface FollowersRow {
  /** The consumer that adds up countries. */
  readonly totalsLag: number
  readonly isWorkerUp: boolean
  readonly auditLines: number
  readonly auditLag: number
  readonly replicaLag: number
}
