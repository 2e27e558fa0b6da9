import { SharedList } from './shared-list.ts'

const GONE: unique symbol = Symbol('gone')

/**
 * Which key has which position, for all versions: keys are only ever added, each version knows the positions below its end.
 */
interface Positions {
  readonly byKey: Map<unknown, number>
  readonly keys: unknown[]
  /** Of a key that was removed and came back, where it was before: older versions have it there. */
  readonly earlier: Map<number, number>
}

/** Keys with values, in the order in which they came, of which versions share what has not changed; see {@link SharedList}. */
export class SharedEntries {
  #positions: Positions
  #values: SharedList
  #size: number

  constructor(from?: SharedEntries) {
    this.#positions = from === undefined ? noPositions() : from.#positions
    this.#values = from === undefined ? new SharedList() : from.#values.fork()
    this.#size = from === undefined ? 0 : from.#size
  }

  get size(): number {
    return this.#size
  }

  fork(): SharedEntries {
    return new SharedEntries(this)
  }

  has(key: unknown): boolean {
    const position = this.#positionOf(key)
    return position !== undefined && this.#values.get(position) !== GONE
  }

  get(key: unknown): unknown {
    const position = this.#positionOf(key)
    if (position === undefined) return undefined
    const value = this.#values.get(position)
    return value === GONE ? undefined : value
  }

  set(key: unknown, value: unknown): void {
    const position = this.#positionOf(key)
    if (position !== undefined && this.#values.get(position) !== GONE) this.#values.set(position, value)
    else this.#append(key, value)
  }

  delete(key: unknown): void {
    const position = this.#positionOf(key)
    if (position === undefined || this.#values.get(position) === GONE) return
    this.#values.set(position, GONE)
    this.#size -= 1
  }

  *keys(): Generator<unknown> {
    for (const [key] of this.entries()) yield key
  }

  *entries(): Generator<[unknown, unknown]> {
    const { keys } = this.#positions
    const { length } = this.#values
    for (let position = 0; position < length; position++) {
      const value = this.#values.get(position)
      if (value !== GONE) yield [keys[position], value]
    }
  }

  #positionOf(key: unknown): number | undefined {
    let position = this.#positions.byKey.get(key)
    const { length } = this.#values
    while (position !== undefined && position >= length) position = this.#positions.earlier.get(position)
    return position
  }

  #append(key: unknown, value: unknown): void {
    const { length } = this.#values
    // Another version has gone on from here, or most of what there was is gone.
    if (this.#positions.keys.length !== length || (length > 64 && length > 2 * this.#size)) this.#startAnew()
    const { byKey, keys, earlier } = this.#positions
    const before = byKey.get(key)
    if (before !== undefined) earlier.set(keys.length, before)
    byKey.set(key, keys.length)
    keys.push(key)
    this.#values.push(value)
    this.#size += 1
  }

  #startAnew(): void {
    const entries = [...this.entries()]
    this.#positions = noPositions()
    this.#values = new SharedList()
    for (const [i, [key, value]] of entries.entries()) {
      this.#positions.byKey.set(key, i)
      this.#positions.keys.push(key)
      this.#values.push(value)
    }
  }
}

function noPositions(): Positions {
  return { byKey: new Map(), keys: [], earlier: new Map() }
}
