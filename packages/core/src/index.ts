export { afterTurn } from './batching/after-turn.ts'
export { assertOutside } from './batching/outside.ts'
export { Batcher, type BatcherOptions } from './batching/batcher.ts'
export { type Clock, systemClock } from './clock.ts'
export { alsoReading } from './codec/also-reading.ts'
export { createCborCodec } from './codec/cbor.ts'
export { type ClassesOptions, type ClassOptions, type RegisteredClass, StoredInstance } from './codec/class-registry.ts'
export type { BindingCodec, Codec, EnvelopeCodec, JudgingCodec, Place, ReadingCodec } from './codec/codec.ts'
export { areInterchangeable, isBinding, isEnvelopeCodec, isJudging, readWith } from './codec/codec-lookup.ts'
export { BOUND, openValue, sealValue } from './codec/envelope.ts'
export { createJsonCodec } from './codec/json.ts'
export { changeJson, toJsonForm } from './codec/json-form.ts'
export { Payload } from './codec/payload.ts'
export type { RegisteringCodec } from './codec/registering-codec.ts'
export { STORED_AS } from './codec/stored-as.ts'
export {
  ClosedError,
  CompactedError,
  ConflictError,
  type CorruptCode,
  CorruptError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorDetails,
  TidemarkError,
} from './errors.ts'
export { RecentChanges, type RecentChangesOptions } from './fence/recent-changes.ts'
export { type KeyList, userKeys } from './keys/key-list.ts'
export { KeyMap, type ReadonlyKeyMap } from './keys/key-map.ts'
export { ALL_KEYS, inRange, type KeyRange, prefixRange, type RangeOptions, rangeOf } from './keys/key-range.ts'
export { type Key, type KeyPart, type KeyTuple, MAX_KEY_BYTES } from './keys/key.ts'
export { parseKey, renderKey, renderKeyOf } from './keys/readable-key.ts'
export { reservedKey, userKey, userRanges } from './keys/reserved.ts'
export { keyAt } from './keys/stamped-key.ts'
export { StoreKey } from './keys/store-key.ts'
export { decodeTuple, encodeTuple } from './keys/tuple-encoding.ts'
export { compareBytes, compareTuples } from './keys/tuple-order.ts'
export { Uuid } from './keys/uuid.ts'
export { keepAlive } from './keep-alive.ts'
export type { LoadContext, Loader, LoadOptions } from './load/load-options.ts'
export { createMemoryBack, type MemoryBack, type MemoryBackOptions } from './memory/memory-back.ts'
export { createNearMemory } from './memory/near-memory.ts'
export type { NearMemoryOptions } from './memory/near-options.ts'
export {
  assertKnown,
  between,
  callback,
  duration,
  flag,
  listOf,
  oneOf,
  port,
  wholeAtLeast,
  wholeBetween,
} from './options/checks.ts'
export { clockOption, codecOption, codecPort } from './options/ports.ts'
export type {
  Back,
  Commit,
  CommitListener,
  DatedKey,
  DeleteWrite,
  KeyPage,
  Proposal,
  ReadBounds,
  ReadOptions,
  ScanOptions,
  ScanPage,
  SetWrite,
  SyncBack,
  TierReport,
  Write,
  WriteSource,
} from './ports/back.ts'
export { type Entry, type Found, isExpired, versionOf } from './ports/entry.ts'
export type { ApplyMode, Fill, Front, FrontOutcome, NearFront, TailStep } from './ports/front.ts'
export type { AgreementSample, FrontAgreement, FrontAgreements, SyncFrontAgreements } from './ports/front-agreement.ts'
export { nextAgreement, NO_AGREEMENT } from './ports/front-agreement.ts'
export type { Lease, LeaseGrant, Leases } from './ports/leases.ts'
export type {
  FrontInspection,
  FrontLook,
  FrontRecord,
  FrontRecordPage,
  FrontSession,
  FrontStart,
  HighestChange,
  SharedFront,
  SharedTailStep,
} from './ports/shared-front.ts'
export type { Mark, MarkScanOptions, Marks, MarkWrite, MarkWriteOptions } from './ports/marks.ts'
export type { JournalRow, SharedJournal } from './ports/shared-journal.ts'
export { markOf, type TailMark } from './ports/tail-mark.ts'
export { NOTHING_TO_RENEW, RENEWAL_START, type Renewal, type RenewalPlace, type RenewalStep } from './ports/renewal.ts'
export type { Compacted, Compaction, CompactOptions } from './ports/compaction.ts'
export { assertInLog, type LogBounds } from './ports/log-bounds.ts'
export type {
  ChangeOp,
  ChangeSource,
  KeyHistory,
  KeyHistoryOptions,
  Log,
  LogChange,
  LogIdentity,
  LogPage,
  LogReadOptions,
  Path,
  SyncLog,
} from './ports/log.ts'
export { withoutValues } from './ports/log.ts'
export type { BlobSource } from './store/blobs/blob-source.ts'
export type { BlobReadOptions } from './store/blobs/blob-reading.ts'
export { type BlobWriteOptions, type BlobWriteResult, StoredBlob } from './store/blobs/stored-blob.ts'
export type { ClearOptions } from './store/clear.ts'
export { type EntryType, metaOf, noteOfAbsence, notesOf, typeOf } from './store/entry-notes.ts'
export { readValue, type StoreEntry, toListedEntry, toStoreEntry } from './store/entry-view.ts'
export type { ListOptions } from './store/listing.ts'
export { AppendLog, type ElementsOptions } from './store/logs/append-log.ts'
export type { LogElement } from './store/logs/log-element.ts'
export { SyncAppendLog } from './store/logs/sync-append-log.ts'
export { type BlobHead, headPayload, type LogHead, readHead } from './store/parts/part-head.ts'
export {
  holdsPartsAlone,
  isPart,
  newId,
  partOf,
  type PartKind,
  type PartOf,
  partsKey,
  rangesWithoutParts,
  subjectOf,
} from './store/parts/part-key.ts'
export { wrongType } from './store/parts/wrong-type.ts'
export type { DeleteManyResult, DeleteResult, UpdateResult, WriteResult } from './store/results.ts'
export { backOf, Store, type StoreOptions } from './store/store.ts'
export { rewriteAll, type RewriteOptions, type RewriteResult } from './store/rewrite.ts'
export { type StandingWithReaders, standingWithReaders } from './store/standing-with-readers.ts'
export type { SweepOptions, SweepResult } from './store/sweep.ts'
export { type SweeperOptions, startSweeper } from './store/sweeper.ts'
export { epochsOfEntries, TAG_KEYS, tagKey, tagOfKey } from './store/tags.ts'
export { readEpochs, seeHeld, seenWith, tagsOf, Visibility } from './store/visibility.ts'
export {
  type BesideWrites,
  type Transaction,
  TransactionAttempt,
  type TransactionLog,
  type TransactionOptions,
} from './store/transaction.ts'
export type { GetOptions } from './store/path.ts'
export { SyncBlob } from './store/blobs/sync-blob.ts'
export { SyncStore } from './store/sync-store.ts'
export type { ConditionOptions, Item, SetOptions } from './store/write-options.ts'
export { Waiters } from './waiters.ts'
