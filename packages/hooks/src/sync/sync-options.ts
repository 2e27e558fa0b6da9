import {
  assertKnown,
  callback,
  type Clock,
  clockOption,
  duration,
  inRange,
  type Key,
  type KeyRange,
  type KeyTuple,
  oneOf,
  prefixRange,
  type StoreKey,
  wholeAtLeast,
  between,
} from '@tidemark/core'
import { isThenable } from '../thenable.ts'
import type { SyncConflict } from './sync-conflict.ts'
import { scopeOf, type SyncScope } from './sync-scope.ts'

/** What a `resolve` function decides: which side stays, or what takes the place of both. */
export type Resolution =
  | 'source'
  | 'target'
  | 'delete'
  | { readonly value: unknown; readonly meta?: unknown; readonly expiresAt?: number | undefined }

/**
 * From a primary to its replica: what the sync itself has written is replaced; where the replica has written the key by
 * itself, one of the two wins.
 */
export interface VersionPolicy {
  readonly policy: 'version'
  /** @default 'source' */
  readonly winner?: 'source' | 'target' | undefined
}

/**
 * Between stores that all write: the last writer of a key wins, by a hybrid logical clock, the same one in every store.
 * Every sync between them has to have this policy.
 */
export interface LastWriterPolicy {
  readonly policy: 'lastWriter'
  /** How far a source's clock may be ahead of the target's; what is further ahead is refused with CLOCK_DRIFT. @default 60_000 */
  readonly maxDriftMs?: number | undefined
  /**
   * How long the target remembers, in milliseconds, when what it no longer holds was written or deleted. Every change has to
   * arrive within that time: a store that was out of touch for longer may bring deleted keys back.
   * @default 30 days
   */
  readonly keepDeletionsMs?: number | undefined
}

/** As `version`, where a function of both sides decides. */
export interface CustomPolicy {
  readonly policy: 'custom'
  /** Synchronous and pure: it may be called several times for one conflict. When it throws, the target's side stays. */
  readonly resolve: (conflict: Omit<SyncConflict, 'winner'>) => Resolution
}

export type ConflictPolicy = VersionPolicy | LastWriterPolicy | CustomPolicy

export interface SyncOptions {
  /**
   * Names the checkpoint in the target: a sync from another source, with another prefix or with other functions has
   * another name, and so has one by `lastWriter` where the earlier one was not, or the other way. What can be told of that
   * is refused with SYNC_MISMATCH; that a function became another one cannot.
   */
  readonly name: string
  /** Only keys of the source whose first parts are these. @default everything */
  readonly prefix?: Key | readonly [] | undefined
  /** Only keys for which this holds; pure and synchronous. @default every key */
  readonly filter?: ((key: KeyTuple) => boolean) | undefined
  /** The key in the target; pure and synchronous, and no two keys may become one. @default the same key */
  readonly map?: ((key: KeyTuple) => Key) | undefined
  /** The value in the target; pure and synchronous. @default the same value, copied without being decoded */
  readonly mapValue?: ((value: unknown, key: KeyTuple) => unknown) | undefined
  /** @default `{ policy: 'version', winner: 'source' }` */
  readonly conflict?: ConflictPolicy | undefined
  /**
   * What to do when the log of the source no longer holds what comes next, or was taken back by a restore. `snapshot`:
   * everything is copied anew, and what came from this source and is no longer there is deleted. `error`: the sync fails.
   * @default 'snapshot'
   */
  readonly onCompacted?: 'snapshot' | 'error' | undefined
  /** How many entries or changes to commit at a time; commits of the source are never split. @default 500 */
  readonly batch?: number | undefined
  /** How long another process waits before it takes over from one that died, in milliseconds. @default 10_000 */
  readonly leaseMs?: number | undefined
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

/** Options, checked, with every default. */
export interface ResolvedSyncOptions {
  readonly name: string
  readonly range: KeyRange
  readonly scope: SyncScope
  /** Whether a key of the source is wanted. Calls what the user gave, which may throw. */
  readonly isWanted: (key: StoreKey) => boolean
  readonly map: ((key: KeyTuple) => Key) | undefined
  readonly mapValue: ((value: unknown, key: KeyTuple) => unknown) | undefined
  readonly conflict: ResolvedPolicy
  readonly onCompacted: 'snapshot' | 'error'
  readonly batch: number
  readonly leaseMs: number
  readonly clock: Clock
}

type ResolvedPolicy =
  | { readonly policy: 'lastWriter'; readonly maxDriftMs: number; readonly keepDeletionsMs: number }
  | { readonly policy: 'version'; readonly resolve: CustomPolicy['resolve'] }

const NAMES: readonly (keyof SyncOptions)[] = [
  'name',
  'prefix',
  'filter',
  'map',
  'mapValue',
  'conflict',
  'onCompacted',
  'batch',
  'leaseMs',
  'clock',
]

const KEEP_DELETIONS_MS = 30 * 86_400_000

const MAX_NAME_LENGTH = 256

/** @throws TypeError or RangeError naming the option and what is allowed. */
export function resolveSyncOptions(options: SyncOptions): ResolvedSyncOptions {
  assertKnown(options, NAMES, 'sync')
  const { name, prefix = [], filter, map, mapValue } = options
  if (typeof name !== 'string') throw new TypeError('option name must be a string: it names the checkpoint')
  if (name === '' || name.length > MAX_NAME_LENGTH)
    throw new RangeError(`option name must have 1 to ${MAX_NAME_LENGTH} characters`)
  if (filter !== undefined) callback('option filter', filter)
  if (map !== undefined) callback('option map', map)
  if (mapValue !== undefined) callback('option mapValue', mapValue)
  const range = prefixRange(prefix)
  const conflict = resolvePolicy(options.conflict ?? { policy: 'version' })
  return Object.freeze({
    name,
    range,
    scope: scopeOf(range, { filter, map, mapValue }, conflict.policy),
    isWanted: (key: StoreKey) => inRange(range, key.bytes) && (filter === undefined || says(filter, key.tuple)),
    map,
    mapValue,
    conflict,
    onCompacted: oneOf('option onCompacted', options.onCompacted ?? 'snapshot', ['snapshot', 'error']),
    batch: wholeAtLeast('option batch', options.batch ?? 500, 1),
    leaseMs: between('option leaseMs', options.leaseMs ?? 10_000, 100, 86_400_000),
    clock: clockOption(options.clock),
  })
}

function says(filter: (key: KeyTuple) => boolean, key: KeyTuple): boolean {
  const answer: unknown = filter(key)
  if (!isThenable(answer)) return Boolean(answer)
  // That it rejects is not what is wrong with it.
  answer.then(undefined, () => undefined)
  // It is true, and would want everything.
  throw new TypeError('option filter must return true or false, not a promise')
}

function resolvePolicy(conflict: ConflictPolicy): ResolvedPolicy {
  if (typeof conflict !== 'object' || conflict === null) throw new TypeError('option conflict must be an object')
  oneOf('option conflict.policy', conflict.policy, ['version', 'lastWriter', 'custom'])
  switch (conflict.policy) {
    case 'lastWriter': {
      assertKnown(conflict, ['policy', 'maxDriftMs', 'keepDeletionsMs'], 'conflict')
      return {
        policy: 'lastWriter',
        maxDriftMs: duration('option conflict.maxDriftMs', conflict.maxDriftMs ?? 60_000),
        keepDeletionsMs: duration('option conflict.keepDeletionsMs', conflict.keepDeletionsMs ?? KEEP_DELETIONS_MS),
      }
    }
    case 'custom': {
      assertKnown(conflict, ['policy', 'resolve'], 'conflict')
      return { policy: 'version', resolve: callback('option conflict.resolve', conflict.resolve) }
    }
    case 'version': {
      assertKnown(conflict, ['policy', 'winner'], 'conflict')
      const winner = oneOf('option conflict.winner', conflict.winner ?? 'source', ['source', 'target'])
      return { policy: 'version', resolve: () => winner }
    }
  }
}
