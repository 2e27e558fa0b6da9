import { CorruptError } from '../../errors.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { Entry } from '../../ports/entry.ts'
import { shown } from '../../shown.ts'

/** An element of a log, and when it was appended. */
export interface LogElement<T = unknown> {
  /** Decoded when it is read. @throws CorruptError */
  readonly value: T
  /** The seq of the change that appended it. */
  readonly version: number
  readonly at: Date
}

/** A class: as with entries, a literal with a getter would cost more. */
class StoredElement<T> implements LogElement<T> {
  readonly version: number
  readonly at: Date
  readonly #entry: Entry
  readonly #owner: StoreKey

  constructor(owner: StoreKey, entry: Entry) {
    this.version = entry.key.tuple.at(-1) as number
    this.at = new Date(entry.writtenAt)
    this.#entry = entry
    this.#owner = owner
  }

  get value(): T {
    return elementValue(this.#owner, this.#entry) as T
  }

  /** Every field as plain data. @throws CorruptError */
  toJSON(): LogElement<T> {
    const { value, version, at } = this
    return { value, version, at }
  }

  /** Node's console would not show the value. */
  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    const { version, at } = this
    return { value: shown(() => this.value), version, at }
  }
}

/** What an entry of the log at `owner` is for its readers. */
export function toLogElement<T>(owner: StoreKey, entry: Entry): LogElement<T> {
  return new StoredElement<T>(owner, entry)
}

/** @throws CorruptError that names the log */
export function elementValue({ id: key }: StoreKey, entry: Entry): unknown {
  try {
    return entry.payload.read()
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    const seq = String(entry.key.tuple.at(-1))
    throw new CorruptError(`element ${seq} of the log at ${key} is damaged: ${cause.message}`, { key, cause })
  }
}
