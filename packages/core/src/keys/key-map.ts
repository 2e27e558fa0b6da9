import type { Key, KeyTuple } from './key.ts'
import { renderKeyOf } from './readable-key.ts'
import { showAs } from '../shown.ts'
import { snapshot } from './store-key.ts'

/** A Map that compares keys by what they are: `get(['user', 42])` finds what another array with these parts has set. */
export interface ReadonlyKeyMap<V> extends Iterable<[KeyTuple, V]> {
  readonly size: number
  get(key: Key): V | undefined
  has(key: Key): boolean
  keys(): IterableIterator<KeyTuple>
  values(): IterableIterator<V>
  entries(): IterableIterator<[KeyTuple, V]>
}

/** Keys come back as frozen tuples, in the order in which they were first set. */
export class KeyMap<V> implements ReadonlyKeyMap<V> {
  static {
    showAs(this.prototype, (map) => new Map(map))
  }

  readonly #entries = new Map<string, Entry<V>>()

  constructor(entries: Iterable<readonly [Key, V]> = []) {
    for (const [key, value] of entries) this.set(key, value)
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): V | undefined {
    return this.#entries.get(renderKeyOf(key))?.value
  }

  has(key: Key): boolean {
    return this.#entries.has(renderKeyOf(key))
  }

  set(key: Key, value: V): this {
    const id = renderKeyOf(key)
    const entry = this.#entries.get(id)
    if (entry === undefined) this.#entries.set(id, { tuple: snapshot(key), value })
    else entry.value = value
    return this
  }

  delete(key: Key): boolean {
    return this.#entries.delete(renderKeyOf(key))
  }

  clear(): void {
    this.#entries.clear()
  }

  *keys(): IterableIterator<KeyTuple> {
    for (const entry of this.#entries.values()) yield entry.tuple
  }

  *values(): IterableIterator<V> {
    for (const entry of this.#entries.values()) yield entry.value
  }

  *entries(): IterableIterator<[KeyTuple, V]> {
    for (const entry of this.#entries.values()) yield [entry.tuple, entry.value]
  }

  [Symbol.iterator](): IterableIterator<[KeyTuple, V]> {
    return this.entries()
  }
}

interface Entry<V> {
  readonly tuple: KeyTuple
  value: V
}
