import type { InstanceRow } from '../fleet/monitor.ts'

/** Everything that a view of the running fleet shows. */
export interface Snapshot {
  /** The one line that says which front is used. */
  readonly front: string
  readonly places: number
  readonly uptimeMs: number
  readonly rows: readonly InstanceRow[]
  readonly hitRatio: Readonly<Record<string, number>>
  readonly reads: number
  readonly writes: number
  readonly conflicts: number
  readonly errors: number
  readonly frontFailures: number
  readonly lastError: string | undefined
  readonly staleReads: number
  readonly tornReads: number
  readonly outOfOrder: number
  readonly duplicates: number
  readonly resumes: number
  readonly lag: { readonly p50: number; readonly p99: number }
}
