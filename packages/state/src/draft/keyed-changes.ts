import { checkStorable } from './checked.ts'
import type { Draft, DraftScope } from './draft.ts'
import { type Place, type StateHash, within } from './state-hash.ts'

/** What keyed containers (records, Maps) have in common. */
export interface Keyed<K> {
  has(key: K): boolean
  get(key: K): unknown
  keys(): Iterable<K>
}

/** The changes of one transaction over a keyed container, and the drafts of what it holds. */
export class KeyedChanges<K> {
  readonly #base: Keyed<K>
  readonly #scope: DraftScope
  /** Of the base, and gone at least for a while: what is put again comes last. */
  readonly #removed = new Set<K>()
  readonly #put = new Map<K, unknown>()
  readonly #children = new Map<K, Draft>()

  constructor(base: Keyed<K>, scope: DraftScope) {
    this.#base = base
    this.#scope = scope
  }

  get isEmpty(): boolean {
    return this.#put.size === 0 && this.#removed.size === 0
  }

  has(key: K): boolean {
    return this.#put.has(key) || (!this.#removed.has(key) && this.#base.has(key))
  }

  get(key: K): unknown {
    if (this.#put.size > 0) {
      const put = this.#put.get(key)
      if (put !== undefined || this.#put.has(key)) return put
    }
    if (this.#removed.size > 0 && this.#removed.has(key)) return undefined
    const value = this.#base.get(key)
    if (typeof value !== 'object' || value === null) return value
    let child = this.#children.get(key)
    if (child === undefined) {
      child = this.#scope.open(value)
      if (child === undefined) return value
      this.#children.set(key, child)
    }
    return child.proxy
  }

  set(key: K, value: unknown): void {
    if (this.#isThere(key, value)) return
    this.#children.delete(key)
    this.#put.set(key, value)
  }

  #isThere(key: K, value: unknown): boolean {
    if (!this.has(key)) return false
    if (this.#put.has(key)) return Object.is(this.#put.get(key), value)
    return typeof value === 'object' && value !== null
      ? this.#children.get(key)?.proxy === value
      : Object.is(this.#base.get(key), value)
  }

  /** @returns whether it was there */
  delete(key: K): boolean {
    const isInBase = !this.#removed.has(key) && this.#base.has(key)
    const wasPut = this.#put.delete(key)
    if (isInBase) this.#removed.add(key)
    this.#children.delete(key)
    return isInBase || wasPut
  }

  *keys(): IterableIterator<K> {
    for (const key of this.#base.keys()) if (!this.#removed.has(key)) yield key
    for (const key of this.#put.keys()) if (this.#removed.has(key) || !this.#base.has(key)) yield key
  }

  size(baseSize: number): number {
    let size = baseSize - this.#removed.size
    for (const key of this.#put.keys()) if (this.#removed.has(key) || !this.#base.has(key)) size++
    return size
  }

  check(pathOf: (key: K) => string, depth: number): void {
    for (const [key, value] of this.#put) {
      if (typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol') {
        checkStorable(value, pathOf(key), depth + 1)
      }
    }
    for (const [key, child] of this.#children) child.check(pathOf(key), depth + 1)
  }

  subtractOld(hash: StateHash, place: Place): void {
    const base = this.#base
    for (const key of this.#removed) hash.subtract(within(place, key), base.get(key))
    for (const key of this.#put.keys()) {
      if (!this.#removed.has(key) && base.has(key)) hash.subtract(within(place, key), base.get(key))
    }
    for (const [key, child] of this.#children) child.subtractOld(hash, within(place, key))
  }

  addNew(hash: StateHash, place: Place, settled: Keyed<K>): void {
    for (const key of this.#put.keys()) hash.add(within(place, key), settled.get(key))
    for (const [key, child] of this.#children) child.addNew(hash, within(place, key))
  }

  /** @returns what has to be written into a container that holds what the base does */
  settle(): { readonly removed: ReadonlySet<K>; readonly put: ReadonlyMap<K, unknown> } | undefined {
    const put = new Map<K, unknown>()
    for (const [key, child] of this.#children) {
      const settled = child.settle()
      if (settled !== child.base) put.set(key, settled)
    }
    for (const [key, value] of this.#put) put.set(key, this.#scope.settled(value))
    return put.size === 0 && this.#removed.size === 0 ? undefined : { removed: this.#removed, put }
  }
}
