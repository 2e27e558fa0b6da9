import { CorruptError } from '../errors.ts'
import type { KeyTuple } from '../keys/key.ts'
import type { Entry } from '../ports/entry.ts'
import { type EntryType, notesOf, typeOf } from './entry-notes.ts'
import { wrongType } from './parts/wrong-type.ts'
import { shown } from '../shown.ts'

/** An entry as users see it. */
export interface StoreEntry<T = unknown> {
  readonly key: KeyTuple
  /** What is kept at the key. A log or a blob has no value: it is read with `store.log(key)` or `store.blob(key)`. */
  readonly type: EntryType
  /**
   * Decoded when it is read. Of a log or a blob: undefined in a listing, and otherwise an error, since somebody has taken it
   * for a value. @throws CorruptError; TidemarkError WRONG_TYPE
   */
  readonly value: T
  /** The seq of the change that wrote it: what `ifVersion` takes. 0: it was written behind, and is not committed yet. */
  readonly version: number
  readonly writtenAt: Date
  /** From when on reads find nothing here; a value with a grace is kept for longer, for `getOrSet` alone. */
  readonly expiresAt: Date | undefined
  /** What the writer attached. */
  readonly meta: unknown
  /** What `JSON.stringify` takes: `value`, `meta` and the rest are accessors, which a copy made by spreading does not have. */
  toJSON(): Record<string, unknown>
}

/**
 * Decodes the value when it is read, so that a damaged one does not stop a listing at its neighbours. A class: a literal
 * with getters gets a shape of its own each time in V8, which costs microseconds and lives until the next full collection.
 */
class StoredEntry<T> implements StoreEntry<T> {
  readonly key: KeyTuple
  readonly version: number
  readonly #entry: Entry

  constructor(entry: Entry) {
    this.key = entry.key.tuple
    this.version = entry.version
    this.#entry = entry
  }

  get type(): EntryType {
    return typeOf(this.#entry)
  }

  get value(): T {
    return readValue(this.#entry) as T
  }

  get writtenAt(): Date {
    return new Date(this.#entry.writtenAt)
  }

  get expiresAt(): Date | undefined {
    const end = notesOf(this.#entry).freshUntil ?? this.#entry.expiresAt
    return end === undefined ? undefined : new Date(end)
  }

  get meta(): unknown {
    return this.#entry.meta?.read()
  }

  /** Every field as plain data; of a log or a blob, without a value. @throws CorruptError */
  toJSON(): Record<string, unknown> {
    const { key, type, version, writtenAt, expiresAt, meta } = this
    return { key, type, ...(type === 'value' && { value: this.value }), version, writtenAt, expiresAt, meta }
  }

  /** Node's console would show none of the accessors. */
  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    const { key, type, version, writtenAt } = this
    const value = type === 'value' && { value: shown(() => this.value) }
    return {
      key,
      type,
      ...value,
      version,
      writtenAt,
      expiresAt: shown(() => this.expiresAt),
      meta: shown(() => this.meta),
    }
  }
}

/** Who lists has named no key: what has no value is no mistake of his, and stops no loop that takes the values. */
class ListedEntry<T> extends StoredEntry<T> {
  override get value(): T {
    return this.type === 'value' ? super.value : (undefined as T)
  }
}

/** As {@link toStoreEntry}, for a listing: a log or a blob has no value there, and no error in its place. */
export function toListedEntry<T>(entry: Entry): StoreEntry<T> {
  return new ListedEntry<T>(entry)
}

export function toStoreEntry<T>(entry: Entry): StoreEntry<T> {
  return new StoredEntry<T>(entry)
}

/**
 * The entry's value; `copy`: one that the caller may change.
 * @throws CorruptError that names the key; TidemarkError WRONG_TYPE for a log or a blob
 */
export function readValue(entry: Entry, as: 'shared' | 'copy' = 'shared'): unknown {
  if (entry.meta !== undefined) {
    const { type = 'value' } = notesOf(entry)
    if (type !== 'value') throw wrongType(entry.key, type, 'value')
  }
  return readPayload(entry, as)
}

/** As {@link readValue}, of an entry of any type. @throws CorruptError that names the key */
export function readPayload(entry: Entry, as: 'shared' | 'copy' = 'shared'): unknown {
  try {
    return as === 'copy' ? entry.payload.decode() : entry.payload.read()
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    throw new CorruptError(`the value of ${entry.key.id} at version ${entry.version} is damaged: ${error.message}`, {
      key: entry.key.id,
      cause: error,
    })
  }
}
