import { STORED_AS } from '@tidemark/core'
import { SharedEntries } from './shared-entries.ts'
import { refuseChange } from '../draft/refuse-change.ts'

type AnyMap = ReadonlyMap<unknown, unknown>

/** From so many entries on, a Map or Set in a state is a wide one: to copy it for a change would take too long. */
export const WIDE = 1_024

const INSPECT = Symbol.for('nodejs.util.inspect.custom')

function asMap(this: AnyMap): AnyMap {
  return new Map(this)
}

/**
 * A Map that is cheap to change when it is large: its versions share their entries. By class, to everybody who calls its
 * methods, and to codecs it is a Map; to what looks inside of Maps (`structuredClone`, `Map.prototype.get.call`,
 * `isDeepStrictEqual`) it is none, and most of that throws: take `new Map(it)`.
 */
export class WideMap {
  static {
    Object.setPrototypeOf(WideMap.prototype, Map.prototype)
    Object.defineProperty(WideMap.prototype, 'constructor', { value: Map, enumerable: false })
    Object.defineProperty(WideMap.prototype, INSPECT, { value: asMap, enumerable: false })
    Object.defineProperty(WideMap.prototype, STORED_AS, { value: asMap, enumerable: false })
  }

  readonly #entries: SharedEntries
  /** `structuredClone` refuses what holds a function, and would make an empty object otherwise. */
  readonly notCloneable = (): void => {}

  private constructor(entries: SharedEntries) {
    this.#entries = entries
  }

  static of(value: object): WideMap | undefined {
    return #entries in value ? (value as WideMap) : undefined
  }

  /** For a change, which readers of the one that it is made from do not see. */
  static from(map: AnyMap): WideMap & AnyMap {
    const wide = WideMap.of(map)
    const entries = wide === undefined ? new SharedEntries() : wide.#entries.fork()
    if (wide === undefined) for (const [key, value] of map) entries.set(key, value)
    return new WideMap(entries) as WideMap & AnyMap
  }

  /** While nobody else has it. */
  put(key: unknown, value: unknown): void {
    this.#entries.set(key, value)
  }

  /** The same. */
  remove(key: unknown): void {
    this.#entries.delete(key)
  }

  get size(): number {
    return this.#entries.size
  }

  has(key: unknown): boolean {
    return this.#entries.has(key)
  }

  get(key: unknown): unknown {
    return this.#entries.get(key)
  }

  entries(): Generator<[unknown, unknown]> {
    return this.#entries.entries()
  }

  keys(): Generator<unknown> {
    return this.#entries.keys()
  }

  *values(): Generator<unknown> {
    for (const [, value] of this.#entries.entries()) yield value
  }

  forEach(callback: (value: unknown, key: unknown, map: AnyMap) => void, self?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(self, value, key, this as unknown as AnyMap)
  }

  [Symbol.iterator](): Generator<[unknown, unknown]> {
    return this.entries()
  }

  set(): never {
    return refuseChange()
  }

  delete(): never {
    return refuseChange()
  }

  clear(): never {
    return refuseChange()
  }
}
