import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import { Payload } from '../codec/payload.ts'
import { ConflictError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { SetWrite } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import type { Path } from '../ports/log.ts'
import { type EntryNotes, metaOf, metaWithNotes, notesOf } from './entry-notes.ts'
import { type BlobHead, headWrite, type LogHead } from './parts/part-head.ts'
import { checkTags } from './tags.ts'

/** What a write may say beside the value. */
export interface SetOptions {
  /** How long the entry exists, in milliseconds from now. Excludes `expiresAt`. */
  readonly ttlMs?: number | undefined
  /** When the entry ceases to exist: a Date or wall-clock milliseconds. */
  readonly expiresAt?: Date | number | undefined
  /** Attached to the entry and to its change; replaced together with the value. */
  readonly meta?: unknown
  /**
   * Names under which `invalidateTag` makes the entry absent: 1 to 256 characters each, at most 64. Replaced together
   * with the value.
   */
  readonly tags?: readonly string[] | undefined
}

export interface ConditionOptions {
  /**
   * The version that the key must have now; 0: it must not exist. Otherwise a ConflictError, and nothing is written. That of a
   * log is of its beginning: appends do not change it, and what was appended goes with the log.
   */
  readonly ifVersion?: number | undefined
}

/** One write of `setMany`: its expiry and meta are its own. */
export type Item<T = unknown> = readonly [key: Key, value: T, options?: SetOptions]

export const SET_OPTIONS: readonly (keyof SetOptions)[] = ['ttlMs', 'expiresAt', 'meta', 'tags']
export const CONDITION_OPTIONS: readonly (keyof ConditionOptions)[] = ['ifVersion']

/** Encodes a value at once, so that whatever the caller does to it afterwards is not stored. */
export function toSetWrite(
  codec: Codec,
  clock: Clock,
  key: StoreKey,
  value: unknown,
  options: SetOptions | undefined,
  path?: Path,
): SetWrite {
  if (value === undefined) {
    throw new TypeError(`undefined means absent and cannot be stored at ${key.id}; delete the key, or store null`)
  }
  return {
    op: 'set',
    key,
    payload: Payload.encode(codec, value),
    expiresAt: options === undefined ? undefined : resolveExpiry(options, clock),
    meta: options === undefined ? undefined : metaOf(codec, options.meta, notesFrom(options)),
    path,
  }
}

/** The write that makes a log or a blob what is at the key, with what the options say beside it. */
export function toHeadWrite(
  codec: Codec,
  clock: Clock,
  key: StoreKey,
  type: 'log' | 'blob',
  head: LogHead | BlobHead,
  options: SetOptions = {},
): SetWrite {
  const { meta } = options
  return headWrite(codec, key, type, head, {
    expiresAt: resolveExpiry(options, clock),
    meta,
    notes: notesFrom(options),
  })
}

/** The write of an update: what its options do not say stays as it is with the current entry. */
export function keepingWhatIsNotSaid(
  write: SetWrite,
  current: Entry,
  options: SetOptions | undefined,
  codec: Codec,
): SetWrite {
  const keepsExpiry = options?.ttlMs === undefined && options?.expiresAt === undefined
  const { freshUntil, tags } = notesOf(current)
  const notes: EntryNotes = {
    freshUntil: keepsExpiry ? freshUntil : undefined,
    tags: options?.tags === undefined ? tags : checkTags(options.tags),
  }
  const meta = options?.meta === undefined ? current.meta : write.meta
  const isPlain = current.meta?.notes === undefined && options?.tags === undefined
  return {
    ...write,
    expiresAt: keepsExpiry ? current.expiresAt : write.expiresAt,
    meta: isPlain ? meta : metaWithNotes(codec, meta, notes),
  }
}

function notesFrom({ tags }: SetOptions): EntryNotes | undefined {
  return tags === undefined ? undefined : { tags: checkTags(tags) }
}

/** @throws TypeError or RangeError for what is no time */
export function resolveExpiry({ ttlMs, expiresAt }: SetOptions, clock: Clock): number | undefined {
  if (ttlMs !== undefined) {
    if (expiresAt !== undefined) throw new TypeError('give either ttlMs or expiresAt, not both')
    if (!(typeof ttlMs === 'number' && ttlMs > 0 && Number.isFinite(ttlMs))) {
      throw new RangeError(`ttlMs must be a positive number of milliseconds, not ${String(ttlMs)}`)
    }
    return Math.ceil(clock.now() + ttlMs)
  }
  if (expiresAt === undefined) return undefined
  const allowed = `expiresAt must be a valid Date or milliseconds since 1970, not ${String(expiresAt)}`
  if (typeof expiresAt !== 'number' && !(expiresAt instanceof Date)) throw new TypeError(allowed)
  const at = Number(expiresAt)
  if (!Number.isFinite(at) || at < 0) throw new RangeError(allowed)
  return Math.ceil(at)
}

/** @throws RangeError when it is not a version. */
export function checkVersion(version: number): void {
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new RangeError(`ifVersion must be a version as a read or write returned it, or 0, not ${String(version)}`)
  }
}

/** @throws ConflictError unless the entry, as readers see it, has the version that was expected */
export function assertVersion(key: StoreKey, expected: number, current: Entry | undefined): void {
  const version = current?.version ?? 0
  if (version !== expected) throw new ConflictError(key.id, expected, version)
}
