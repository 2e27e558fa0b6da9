import type { Watched } from './checks/watch-audit.ts'
import type { SideChecks } from './fleet/side-checks.ts'
import type { Summary } from './distribution.ts'

/** What a run has shown. What `--json` prints. */
export interface Report extends SideChecks {
  /** The shared front: 'redis', or 'memory' when there is none. */
  readonly front: string
  readonly instances: number
  readonly places: number
  /** Of the load. */
  readonly durationMs: number
  readonly reads: number
  readonly writes: number
  readonly requestsPerSecond: number
  /** As the clients saw it, queueing included. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the writes alone: each waits for the disk. */
  readonly writeP50Ms: number
  readonly writeP99Ms: number
  /** By tier: the part of the reads that it answered. */
  readonly hitRatio: Readonly<Record<string, number>>
  /** Reads that returned something older than a write that had been acknowledged before. */
  readonly staleReads: number
  /** Reads whose payload is not what was written as their version. */
  readonly tornReads: number
  /** Subscribers × changes committed during the load. */
  readonly changesExpected: number
  readonly changesDelivered: number
  /** Changes that did not arrive, and acknowledged writes that the log does not have. */
  readonly lost: number
  readonly outOfOrder: number
  readonly duplicates: number
  /** Changes that were told differently to different subscribers, or to a writer. */
  readonly disagreements: number
  /** How often a subscriber hung up and went on from its token. */
  readonly resumes: number
  /** From a commit to its arrival at a subscriber, the slowest instance. */
  readonly lagP50Ms: number
  readonly lagP99Ms: number
  /**
   * From a commit to the moment at which reads of another instance cannot miss it any more: of all instances together, and
   * of each.
   */
  readonly stalenessMs: Summary & { readonly instances: readonly Summary[] }
  /** Edits that met a newer version (412) and were made again: no fault. */
  readonly conflicts: number
  readonly errors: number
  /** With `--kill`: how many instances were killed (-9) and started anew. */
  readonly kills: number
  /** Requests that were under way on an instance when it was killed: what became of them, nobody knows. */
  readonly interrupted: number
  /** Calls to Redis that failed or came too late: requests were answered from below, so no fault either. */
  readonly frontFailures: number
  /** How often an instance stopped reading from Redis, for want of proof that it is up to date: no fault either. */
  readonly frontBypasses: number
  readonly watched: Watched
  /** The instance without the file; null: without Redis there is none. */
  readonly reader: ReaderFigures | null
  readonly verified: Verified
  /** Why this is no clean run; empty when it is. */
  readonly failures: readonly string[]
}

/** What an instance without the file was asked, and how it answered. */
export interface ReaderFigures {
  readonly reads: number
  /** That found nothing: no such place, or Redis does not hold it. */
  readonly absent: number
  /** That returned something older than what its own stream had shown before. */
  readonly stale: number
  /** Whose payload is not what the stream showed as their version. */
  readonly torn: number
}

/** The comparison of Redis with SQLite at the end of a run. */
export interface Verified {
  /** How many records of Redis were compared. */
  readonly records: number
  /** How many of them are not what SQLite has, although Redis claims to have heard of it. */
  readonly differences: number
  /** false: there was no time for all of them, Redis lagged too far behind to judge them all, or there is an error. */
  readonly complete: boolean
  /** Why it could not be done; null: it could. */
  readonly error: string | null
}
