import type { Back, Lease } from '@tidemark/core'
import type { Checkpoint } from './checkpoint.ts'
import type { SyncSource } from './incoming.ts'
import type { SyncConflict } from './sync-conflict.ts'
import type { ResolvedSyncOptions } from './sync-options.ts'
import type { SyncEvent, SyncState } from './sync-state.ts'

export type SyncTarget = Pick<Back, 'log' | 'scan' | 'read' | 'commit' | 'leases' | 'marks' | 'codec'>

/** What the work of a sync takes while it holds the lease. */
export interface TenureOptions extends ResolvedSyncOptions {
  readonly from: SyncSource
  readonly to: SyncTarget
  readonly lease: Lease
  /** The checkpoint that was met last: where there is none now, or that of another beginning, the sync was dropped. */
  readonly met: Checkpoint | undefined
  readonly signal: AbortSignal
  readonly onMet: (checkpoint: Checkpoint) => void
  readonly onState: (some: Partial<SyncState>) => void
  /** So many entries or changes have been dealt with, all for good. */
  readonly onTaken: (count: number) => void
  readonly onEvent: (event: SyncEvent) => void
  readonly onConflicts: (conflicts: readonly SyncConflict[]) => void
}
