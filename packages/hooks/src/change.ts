import type { ChangeSource, KeyTuple, Path } from '@tidemark/core'

/** The first and last seq of the commit that a change belongs to. */
export interface Txn {
  readonly first: number
  readonly last: number
}

/** What changes of every kind have. */
export interface ChangeBase {
  readonly seq: number
  readonly txn: Txn
  /** Empty for the invalidation of a tag, and only for that. */
  readonly key: KeyTuple
  /** Where inside the value the writer addressed it; `value` is the whole new value all the same. */
  readonly path: Path | undefined
  /** The version of the key from this change on: its seq. */
  readonly version: number
  /** The version that this change replaced; 0 when the key did not exist. */
  readonly prevVersion: number
  /** Wall-clock milliseconds of the commit; never decreases along the log. */
  readonly at: number
  /** Which opened store wrote it. */
  readonly origin: string
  /** What the writer attached; decoded when read. @throws CorruptError */
  readonly meta: unknown
  /**
   * Wall-clock milliseconds from which readers find nothing here; undefined: never. A value with a grace is kept for
   * longer, for `getOrSet` alone.
   */
  readonly expiresAt: number | undefined
  /**
   * The value before this change; undefined when the key did not exist, and where it was not asked for (option `old`).
   * Decoded when read. @throws CorruptError
   */
  readonly old: unknown
  /** There was a value before, and the log no longer holds it, or is closed: `old` is undefined for that reason. */
  readonly oldCompacted: true | undefined
  /** The value, or what the writer attached, was too large to travel to where the log is read: ask the store for it. */
  readonly leftOut: true | undefined
  /** Of a change that was copied from another store: where it was written first. */
  readonly source: ChangeSource | undefined
  /** Every field as plain data, `value` and `meta` decoded: what `JSON.stringify` takes. */
  toJSON(): Record<string, unknown>
}

export interface SetChange<T = unknown> extends ChangeBase {
  readonly op: 'set'
  readonly size?: undefined
  /** The whole new value; decoded when first read, then shared by all readers and frozen. @throws CorruptError */
  readonly value: T
  /** The entry is absent from the first `invalidate-tag` change of one of these on that comes later. @throws CorruptError */
  readonly tags: readonly string[]
  readonly tag?: undefined
}

/** One element was appended to the log at the key. Its `version` is the place of the element; it replaced nothing. */
export interface AppendChange<T = unknown> extends ChangeBase {
  readonly op: 'append'
  /** The element; decoded when first read, then shared by all readers and frozen. @throws CorruptError */
  readonly value: T
  readonly size?: undefined
  readonly tag?: undefined
  readonly tags?: undefined
}

/** A blob took the place of what was at the key; its bytes are read with `store.blob(key)`. */
export interface BlobChange extends ChangeBase {
  readonly op: 'blob'
  /** In bytes; undefined where the change was too large to travel to where the log is read. @throws CorruptError */
  readonly size: number | undefined
  /** As of a `set`. @throws CorruptError */
  readonly tags: readonly string[]
  readonly value?: undefined
  readonly tag?: undefined
}

/**
 * A write that ended the key; `expire` when the sweeper did, because the entry's time had come. Of a key that did not
 * exist (`prevVersion` 0) it tells that a loader found nothing there.
 */
export interface DeleteChange extends ChangeBase {
  readonly op: 'delete' | 'expire'
  readonly size?: undefined
  readonly value?: undefined
  readonly tag?: undefined
  readonly tags?: undefined
}

/** Every entry with the tag that was written or computed before has become absent. */
export interface TagChange extends ChangeBase {
  readonly op: 'invalidate-tag'
  readonly size?: undefined
  readonly tag: string
  readonly tags?: undefined
  readonly value?: undefined
}

/**
 * One entry of the log, as a subscriber sees it. Immutable, so all subscribers of a process share one object.
 * `value`, `meta` and `key` are accessors: a copy made by spreading does not have them, `toJSON()` does.
 */
export type Change<T = unknown> = SetChange<T> | AppendChange<T> | BlobChange | DeleteChange | TagChange
