export type { AppendChange, BlobChange, Change, DeleteChange, SetChange, TagChange, Txn } from './change.ts'
export type { ChangeFilter } from './change-filter.ts'
export type { ChangeKind } from './change-kind.ts'
export { changes } from './changes.ts'
export { changes$ } from './changes-observable.ts'
export type { ChangesOptions, FollowOptions, SnapshotChangesOptions } from './changes-options.ts'
export { checkOf } from './check.ts'
export { type Compactor, type CompactorBack, type CompactorStats, startCompactor } from './compaction/compactor.ts'
export type { ChangesLost, CompactorEvent, CompactorProgress, CompactorTrouble } from './compaction/compactor-event.ts'
export type { CompactorOptions, HoldBackOptions, LogHolder } from './compaction/compactor-options.ts'
export type { CaughtUpOptions } from './consumers/caught-up.ts'
export { consume } from './consumers/consume.ts'
export type {
  Consumer,
  ConsumerStats,
  LaneStats,
  ParkedChange,
  ParkedSelection,
  ReplayResult,
} from './consumers/consumer.ts'
export type {
  AttemptFailed,
  ChangeParked,
  ConsumerEnded,
  ConsumerEvent,
  ConsumerTrouble,
  LaneEvent,
  LaneHalted,
  LaneSkipped,
} from './consumers/consumer-event.ts'
export { type ConsumerPosition, consumerPositions } from './consumers/consumer-positions.ts'
export type { Batched, ConsumerOptions, FailurePolicy, Transactional } from './consumers/consumer-options.ts'
export { dropConsumer } from './consumers/drop-consumer.ts'
export { dropParked } from './consumers/drop-parked.ts'
export type { BatchHandler, Handler, HandlerContext, TransactionContext } from './consumers/handler.ts'
export type { Halt } from './consumers/lane-mark.ts'
export { parkedChanges } from './consumers/parked-changes.ts'
export type { ParkedRequestOptions } from './consumers/parked-request.ts'
export { replayParked, type ReplayParkedResult } from './consumers/replay-parked.ts'
export { consumerStats, type StoredConsumerStats, type StoredLaneStats } from './consumers/stored-stats.ts'
export { type CommitSource, createHooks, type HooksOptions } from './create-hooks.ts'
export { guarded } from './guarded-observable.ts'
export { history, type HistoryOptions } from './history/history.ts'
export { undo, type UndoOptions, type UndoResult, type UndoSource } from './history/undo.ts'
export { valueAt } from './history/value-at.ts'
export type { HookBus, HookOptions } from './hook-bus.ts'
export type { HookDisconnected, HookError, HookFailed, SubscriberFailed } from './hook-error.ts'
export type { Hook } from './hook-runner.ts'
export type { ChangeBatch, Skipped } from './streams/change-batch.ts'
export { follow } from './streams/follow.ts'
export type { SnapshotSource } from './streams/snapshot.ts'
export type {
  CatchUpStep,
  FollowStep,
  ReadyStep,
  RestartStep,
  SnapshotEntry,
  SnapshotStep,
} from './streams/snapshot-step.ts'
export { sharedLog, type SharedLogOptions } from './streams/shared-log.ts'
export { dropSync } from './sync/drop-sync.ts'
export type { SyncSource } from './sync/incoming.ts'
export { type Sync, sync } from './sync/sync.ts'
export type { SyncConflict, SyncSide } from './sync/sync-conflict.ts'
export type {
  ConflictPolicy,
  CustomPolicy,
  LastWriterPolicy,
  Resolution,
  SyncOptions,
  VersionPolicy,
} from './sync/sync-options.ts'
export { type SyncPosition, syncPositions } from './sync/sync-positions.ts'
export type { EntryFailed, SyncEvent, SyncFailed, SyncRestart, SyncState, SyncTrouble } from './sync/sync-state.ts'
export type { SyncTarget } from './sync/tenure-options.ts'
export { decodeToken, encodeToken, type Position } from './token.ts'
