import {
  CorruptError,
  type KeyTuple,
  type LogChange,
  notesOf,
  type Path,
  type Payload,
  StoreKey,
  tagOfKey,
} from '@tidemark/core'
import { type ChangeKind, kindOf } from './change-kind.ts'

/** The first and last seq of the commit that a change belongs to. */
export interface Txn {
  readonly first: number
  readonly last: number
}

interface ChangeBase {
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
  /** Every field as plain data, `value` and `meta` decoded: what `JSON.stringify` takes. */
  toJSON(): Record<string, unknown>
}

export interface SetChange<T = unknown> extends ChangeBase {
  readonly op: 'set'
  /** The whole new value; decoded when first read, then shared by all readers and frozen. @throws CorruptError */
  readonly value: T
  /** The entry is absent from the first `invalidate-tag` change of one of these on that comes later. @throws CorruptError */
  readonly tags: readonly string[]
  readonly tag?: undefined
}

/**
 * A write that ended the key; `expire` when the sweeper did, because the entry's time had come. Of a key that did not
 * exist (`prevVersion` 0) it tells that a loader found nothing there.
 */
export interface DeleteChange extends ChangeBase {
  readonly op: 'delete' | 'expire'
  readonly value?: undefined
  readonly tag?: undefined
  readonly tags?: undefined
}

/** Every entry with the tag that was written or computed before has become absent. */
export interface TagChange extends ChangeBase {
  readonly op: 'invalidate-tag'
  readonly tag: string
  readonly tags?: undefined
  readonly value?: undefined
}

/**
 * One entry of the log, as a subscriber sees it. Immutable, so all subscribers of a process share one object.
 * `value`, `meta` and `key` are accessors: a copy made by spreading does not have them, `toJSON()` does.
 */
export type Change<T = unknown> = SetChange<T> | DeleteChange | TagChange

const NO_KEY: KeyTuple = Object.freeze([])
const NO_TAGS: readonly string[] = Object.freeze([])

class LoggedChange implements ChangeBase {
  readonly seq: number
  readonly txn: Txn
  readonly op: ChangeKind
  readonly path: Path | undefined
  readonly version: number
  readonly prevVersion: number
  readonly at: number
  readonly origin: string
  readonly expiresAt: number | undefined
  readonly #row: LogChange

  constructor(row: LogChange, txn: Txn) {
    this.seq = row.seq
    this.txn = txn
    this.op = kindOf(row)
    this.path = row.path
    this.version = row.seq
    this.prevVersion = row.prevVersion
    this.at = row.at
    this.origin = row.origin
    this.expiresAt = this.op === 'set' ? endOf(row) : undefined
    this.#row = row
    Object.freeze(this)
  }

  get key(): KeyTuple {
    if (this.op === 'invalidate-tag') return NO_KEY
    const { key } = this.#row
    // Bytes and dates cannot be frozen; a reader that changed one would change it for all others.
    return key.tuple.some(isMutable) ? StoreKey.of(key.tuple).tuple : key.tuple
  }

  get value(): unknown {
    return this.op === 'set' ? this.#read(this.#row.payload, 'value') : undefined
  }

  get tag(): string | undefined {
    return this.op === 'invalidate-tag' ? tagOfKey(this.#row.key) : undefined
  }

  get tags(): readonly string[] | undefined {
    return this.op === 'set' ? (notesOf({ ...this.#row, version: this.seq }).tags ?? NO_TAGS) : undefined
  }

  get meta(): unknown {
    return this.#read(this.#row.meta, 'meta')
  }

  toJSON(): Record<string, unknown> {
    const { key, value, meta, tag, tags = NO_TAGS } = this
    const marks = { ...(tag !== undefined && { tag }), ...(tags.length > 0 && { tags }) }
    return { ...(this as object), key, value, meta, ...marks }
  }

  /** Node's console would show none of the accessors. */
  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    const { key, tag } = this
    const payload = this.op === 'set' ? this.#row.payload : undefined
    return {
      ...(this as object),
      key,
      ...(tag !== undefined && { tag }),
      ...(payload && { value: `<${payload.byteLength} bytes>` }),
    }
  }

  #read(payload: Payload | undefined, what: string): unknown {
    if (payload === undefined) return undefined
    try {
      return payload.read()
    } catch (cause) {
      const key = this.#row.key.id
      throw new CorruptError(`the ${what} of change ${this.seq} of ${key} cannot be decoded`, { key, cause })
    }
  }
}

/** When the entry ends for readers. Damaged notes say nothing here; who reads the tags is told. */
function endOf({ key, meta, seq, expiresAt }: LogChange): number | undefined {
  if (meta === undefined) return expiresAt
  try {
    return notesOf({ key, meta, version: seq }).freshUntil ?? expiresAt
  } catch {
    return expiresAt
  }
}

function isMutable(part: unknown): boolean {
  return part instanceof Uint8Array || part instanceof Date
}

/** What subscribers see of one row. Decodes nothing. */
export function toChange<T>(row: LogChange, txn: Txn): Change<T> {
  // The log says by `op` which fields a row has; the class cannot say it to the compiler.
  return new LoggedChange(row, txn) as ChangeBase as Change<T>
}

/** What subscribers see of these rows; changes of one commit share their `txn`. Decodes nothing. */
export function toChanges<T>(rows: readonly LogChange[]): readonly Change<T>[] {
  let txn: Txn | undefined
  return rows.map((row) => {
    if (txn?.first !== row.first) txn = Object.freeze({ first: row.first, last: row.last })
    return toChange<T>(row, txn)
  })
}
