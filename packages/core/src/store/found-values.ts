import type { KeyMap, ReadonlyKeyMap } from '../keys/key-map.ts'
import type { Key, KeyTuple } from '../keys/key.ts'
import type { Entry } from '../ports/entry.ts'
import { showAs, shown } from '../shown.ts'
import { readValue } from './entry-view.ts'

/**
 * What `getMany` found. A value is decoded when it is asked for: a damaged one throws there, a CorruptError that names its
 * key, and stops none of the others.
 */
export class FoundValues<T> implements ReadonlyKeyMap<T> {
  static {
    const valueOf = (entry: Entry): unknown => shown(() => readValue(entry))
    showAs(this.prototype, (found) => new Map(Array.from(found.#entries, ([key, entry]) => [key, valueOf(entry)])))
  }

  readonly #entries: KeyMap<Entry>

  constructor(entries: KeyMap<Entry>) {
    this.#entries = entries
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): T | undefined {
    const entry = this.#entries.get(key)
    return entry && (readValue(entry) as T)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  keys(): IterableIterator<KeyTuple> {
    return this.#entries.keys()
  }

  *values(): IterableIterator<T> {
    for (const entry of this.#entries.values()) yield readValue(entry) as T
  }

  *entries(): IterableIterator<[KeyTuple, T]> {
    for (const [key, entry] of this.#entries) yield [key, readValue(entry) as T]
  }

  [Symbol.iterator](): IterableIterator<[KeyTuple, T]> {
    return this.entries()
  }
}
