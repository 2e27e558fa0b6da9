import { storable } from './storable.ts'
import type { Draft, DraftScope } from './draft.ts'
import { type Place, type StateHash, within } from './state-hash.ts'

/** How a kind of keyed container (records, Maps) is read. One for all of them: there is a draft per object. */
export interface Access<C, K> {
  has(container: C, key: K): boolean
  get(container: C, key: K): unknown
  keys(container: C): Iterable<K>
}

/** What has to be done to a container that holds what the base does. */
export interface Writer<K> {
  remove(key: K): void
  put(key: K, value: unknown): void
}

// Most drafts are only read through, and most others change a value or two: what is not needed is not made.
const NONE: ReadonlyMap<never, never> & ReadonlySet<never> = new Map<never, never>() as never

/** The changes of one transaction over a keyed container, and the drafts of what it holds. */
export class KeyedChanges<C, K> {
  readonly #base: C
  readonly #access: Access<C, K>
  readonly #scope: DraftScope
  /** Of the base, and gone at least for a while: what is put again comes last. */
  #removed: Set<K> | undefined
  #put: Map<K, unknown> | undefined
  #children: Map<K, Draft> | undefined
  /** Of what was put and of the children, in their order, from when the old values were taken out of the hash. */
  #places: readonly Place[] = []

  constructor(base: C, access: Access<C, K>, scope: DraftScope) {
    this.#base = base
    this.#access = access
    this.#scope = scope
  }

  has(key: K): boolean {
    return this.#put?.has(key) === true || this.#isInBase(key)
  }

  get(key: K): unknown {
    if (this.#put !== undefined) {
      const put = this.#put.get(key)
      if (put !== undefined || this.#put.has(key)) return put
    }
    if (this.#removed?.has(key) === true) return undefined
    const value = this.#access.get(this.#base, key)
    if (typeof value !== 'object' || value === null) return value
    const known = this.#children?.get(key)
    if (known !== undefined) return known.proxy
    const child = this.#scope.open(value)
    if (child === undefined) return value
    ;(this.#children ??= new Map<K, Draft>()).set(key, child)
    return child.proxy
  }

  set(key: K, value: unknown): void {
    if (this.#isThere(key, value)) return
    this.#children?.delete(key)
    ;(this.#put ??= new Map<K, unknown>()).set(key, value)
  }

  /** @returns whether it was there */
  delete(key: K): boolean {
    const isInBase = this.#isInBase(key)
    const wasPut = this.#put?.delete(key) === true
    if (isInBase) (this.#removed ??= new Set<K>()).add(key)
    this.#children?.delete(key)
    return isInBase || wasPut
  }

  *keys(): IterableIterator<K> {
    for (const key of this.#access.keys(this.#base)) if (this.#removed?.has(key) !== true) yield key
    for (const key of this.#put?.keys() ?? NONE) if (!this.#isInBase(key)) yield key
  }

  size(baseSize: number): number {
    let size = baseSize - (this.#removed?.size ?? 0)
    for (const key of this.#put?.keys() ?? NONE) if (!this.#isInBase(key)) size++
    return size
  }

  check(pathOf: (key: K) => string, depth: number): void {
    for (const [key, value] of this.#put ?? NONE) {
      if (typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol') {
        this.#put!.set(key, storable(value, pathOf(key), depth + 1))
      }
    }
    for (const [key, child] of this.#children ?? NONE) (child as Draft).check(pathOf(key), depth + 1)
  }

  isChanged(): boolean {
    if (this.#removed !== undefined || (this.#put !== undefined && this.#put.size > 0)) return true
    for (const child of this.#children?.values() ?? NONE) if ((child as Draft).isChanged()) return true
    return false
  }

  subtractOld(hash: StateHash, place: Place): void {
    for (const key of this.#removed ?? NONE) hash.subtract(within(place, key), this.#access.get(this.#base, key))
    const places: Place[] = []
    for (const key of this.#put?.keys() ?? NONE) {
      const at = within(place, key)
      places.push(at)
      if (this.#isInBase(key)) hash.subtract(at, this.#access.get(this.#base, key))
    }
    for (const [key, child] of this.#children ?? NONE) {
      const at = within(place, key)
      places.push(at)
      ;(child as Draft).subtractOld(hash, at)
    }
    this.#places = places
  }

  addNew(hash: StateHash, settled: C): void {
    let i = 0
    for (const key of this.#put?.keys() ?? NONE) hash.add(this.#places[i++]!, this.#access.get(settled, key))
    for (const child of this.#children?.values() ?? NONE) (child as Draft).addNew(hash, this.#places[i++]!)
  }

  /**
   * Does what was done to the draft, with values without drafts in them.
   * @param writerOf asked for only when there is something to be done
   */
  settleInto(writerOf: () => Writer<K>): void {
    let writer: Writer<K> | undefined
    for (const [key, child] of this.#children ?? NONE) {
      const settled = (child as Draft).settle()
      if (settled !== (child as Draft).base) (writer ??= writerOf()).put(key, settled)
    }
    if (this.#removed === undefined && this.#put === undefined) return
    writer ??= writerOf()
    for (const key of this.#removed ?? NONE) writer.remove(key)
    for (const [key, value] of this.#put ?? NONE) writer.put(key, this.#scope.settled(value))
  }

  #isInBase(key: K): boolean {
    return this.#removed?.has(key) !== true && this.#access.has(this.#base, key)
  }

  #isThere(key: K, value: unknown): boolean {
    if (this.#put?.has(key) === true) return Object.is(this.#put.get(key), value)
    if (typeof value === 'object' && value !== null) return this.#children?.get(key)?.proxy === value
    return this.#isInBase(key) && Object.is(this.#access.get(this.#base, key), value)
  }
}
