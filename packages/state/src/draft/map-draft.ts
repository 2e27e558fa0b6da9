import { WIDE, WideMap } from '../wide/wide-map.ts'
import { mapKey } from './storable.ts'
import { DRAFT, type Draft, type DraftScope } from './draft.ts'
import { type Access, KeyedChanges, type Writer } from './keyed-changes.ts'
import type { Place, StateHash } from './state-hash.ts'

type AnyMap = Map<unknown, unknown>

const ACCESS: Access<AnyMap, unknown> = {
  has: (map, key) => map.has(key),
  get: (map, key) => map.get(key),
  keys: (map) => map.keys(),
}

/** Is a Map by class, and holds nothing itself. */
class MapDraft extends Map<unknown, unknown> implements Draft {
  readonly base: AnyMap
  readonly #scope: DraftScope
  readonly #changes: KeyedChanges<AnyMap, unknown>
  #settled: AnyMap | undefined

  constructor(scope: DraftScope, base: AnyMap) {
    super()
    this.base = base
    this.#scope = scope
    this.#changes = new KeyedChanges(base, ACCESS, scope)
  }

  get [DRAFT](): Draft {
    return this
  }

  get proxy(): object {
    return this
  }

  override get size(): number {
    return this.#live.size(this.base.size)
  }

  override has(key: unknown): boolean {
    return this.#live.has(key)
  }

  override get(key: unknown): unknown {
    return this.#live.get(key)
  }

  override set(key: unknown, value: unknown): this {
    this.#scope.assertWritable()
    mapKey(key, 'a Map')
    // A Map knows no negative zero.
    this.#live.set(key === 0 ? 0 : key, value)
    return this
  }

  override delete(key: unknown): boolean {
    this.#scope.assertWritable()
    return this.#live.delete(key)
  }

  override clear(): void {
    this.#scope.assertWritable()
    for (const key of Array.from(this.#live.keys())) this.#changes.delete(key)
  }

  override *entries(): MapIterator<[unknown, unknown]> {
    for (const key of this.#live.keys()) yield [key, this.#live.get(key)]
  }

  override keys(): MapIterator<unknown> {
    return this.#live.keys() as MapIterator<unknown>
  }

  override *values(): MapIterator<unknown> {
    for (const key of this.#live.keys()) yield this.#live.get(key)
  }

  override forEach(callback: (value: unknown, key: unknown, map: AnyMap) => void, self?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(self, value, key, this)
  }

  override [Symbol.iterator](): MapIterator<[unknown, unknown]> {
    return this.entries()
  }

  check(path: string, depth: number): void {
    this.#changes.check((key) => `${path}.get(${String(key)})`, depth)
  }

  isChanged(): boolean {
    return this.#changes.isChanged()
  }

  subtractOld(hash: StateHash, place: Place): void {
    this.#changes.subtractOld(hash, place)
  }

  settle(): object {
    return (this.#settled ??= this.#settle())
  }

  addNew(hash: StateHash): void {
    this.#changes.addNew(hash, this.#settled!)
  }

  get #live(): KeyedChanges<AnyMap, unknown> {
    this.#scope.assertLive()
    return this.#changes
  }

  #settle(): AnyMap {
    let settled = this.base
    this.#changes.settleInto(() => {
      settled = this.#scope.writable(this.base, copied)
      return writerOf(settled)
    })
    return settled
  }
}

function writerOf(map: AnyMap): Writer<unknown> {
  return WideMap.of(map) ?? { remove: (key) => map.delete(key), put: (key, value) => map.set(key, value) }
}

function copied(base: AnyMap): AnyMap {
  return base.size > WIDE || WideMap.of(base) !== undefined ? (WideMap.from(base) as unknown as AnyMap) : new Map(base)
}

export function openMap(scope: DraftScope, base: AnyMap): Draft {
  return new MapDraft(scope, base)
}
