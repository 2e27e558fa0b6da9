export {
  type Change,
  type ChangeBatch,
  type ChangesOptions,
  decodeToken,
  encodeToken,
  type Hook,
  type HookBus,
  type HookError,
  type HookOptions,
  type Position,
} from '@tidemark/hooks'
export type { ReadPolicy, TierEvent, TierStats, WarmOptions, WarmProgress, WritePolicy } from '@tidemark/tiered'
export {
  ClosedError,
  type Codec,
  CompactedError,
  ConflictError,
  CorruptError,
  type ErrorCode,
  type Key,
  type KeyTuple,
  type Path,
  type StoreEntry,
  TidemarkError,
  type Transaction,
  Uuid,
} from '@tidemark/core'
export { open } from './open.ts'
export type { NearOptions, OpenOptions, RedisOptions } from './options.ts'
export { Tidemark } from './tidemark.ts'
