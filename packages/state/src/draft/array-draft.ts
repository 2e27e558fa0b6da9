import { storable } from './storable.ts'
import { DRAFT, type Draft, type DraftScope } from './draft.ts'
import { type Place, type StateHash, within } from './state-hash.ts'

type Target = readonly [ArrayDraft]

const HOLE: unique symbol = Symbol('hole')

class ArrayDraft implements Draft {
  readonly base: unknown[]
  readonly scope: DraftScope
  readonly proxy: object
  length: number
  /** From here on nothing of the base is left: it was shorter once. */
  #kept: number
  readonly #put = new Map<number, unknown>()
  readonly #children = new Map<number, Draft>()
  #settled: unknown[] | undefined

  constructor(scope: DraftScope, base: unknown[]) {
    this.scope = scope
    this.base = base
    this.length = base.length
    this.#kept = base.length
    const target: Target = [this]
    this.proxy = new Proxy(target, HANDLER)
  }

  has(index: number): boolean {
    if (this.#put.has(index)) return this.#put.get(index) !== HOLE
    return index < this.#kept && index in this.base
  }

  get(index: number): unknown {
    if (this.#put.size > 0) {
      const put = this.#put.get(index)
      if (put === HOLE) return undefined
      if (put !== undefined || this.#put.has(index)) return put
    }
    if (index >= this.#kept) return undefined
    const value = this.base[index]
    if (typeof value !== 'object' || value === null) return value
    let child = this.#children.get(index)
    if (child === undefined) {
      child = this.scope.open(value)
      if (child === undefined) return value
      this.#children.set(index, child)
    }
    return child.proxy
  }

  set(index: number, value: unknown): void {
    if (this.#isThere(index, value)) return
    this.#children.delete(index)
    this.#put.set(index, value)
    this.length = Math.max(this.length, index + 1)
  }

  delete(index: number): void {
    if (!this.has(index)) return
    this.#children.delete(index)
    this.#put.set(index, HOLE)
  }

  setLength(length: number): void {
    if (length < this.length) {
      this.#kept = Math.min(this.#kept, length)
      for (const index of this.#put.keys()) if (index >= length) this.#put.delete(index)
      for (const index of this.#children.keys()) if (index >= length) this.#children.delete(index)
    }
    this.length = length
  }

  indexes(): string[] {
    return Array.from({ length: this.length }, (_, index) => index)
      .filter((index) => this.has(index))
      .map(String)
  }

  check(path: string, depth: number): void {
    for (const [index, value] of this.#put) {
      if (value !== HOLE) this.#put.set(index, storable(value, `${path}[${index}]`, depth + 1))
    }
    for (const [index, child] of this.#children) child.check(`${path}[${index}]`, depth + 1)
  }

  isChanged(): boolean {
    if (this.#put.size > 0 || this.length !== this.base.length || this.#kept !== this.base.length) return true
    for (const child of this.#children.values()) if (child.isChanged()) return true
    return false
  }

  subtractOld(hash: StateHash, place: Place): void {
    const { base } = this
    const subtract = (index: number): void => {
      if (index in base) hash.subtract(within(place, index), base[index])
    }
    for (const index of this.#put.keys()) if (index < this.#kept) subtract(index)
    for (let index = this.#kept; index < base.length; index++) subtract(index)
    for (const [index, child] of this.#children) child.subtractOld(hash, within(place, index))
    if (this.length !== base.length) hash.countLength(place, base.length, -1)
    this.#hadLength = base.length
  }

  /** The base may be changed where it is. */
  #hadLength = 0

  settle(): object {
    return (this.#settled ??= this.#settle())
  }

  addNew(hash: StateHash, place: Place): void {
    for (const [index, value] of this.#put) {
      if (value !== HOLE) hash.add(within(place, index), this.#settled![index])
    }
    for (const [index, child] of this.#children) child.addNew(hash, within(place, index))
    if (this.length !== this.#hadLength) hash.countLength(place, this.length, 1)
  }

  #isThere(index: number, value: unknown): boolean {
    if (!this.has(index)) return false
    if (this.#put.has(index)) return Object.is(this.#put.get(index), value)
    return typeof value === 'object' && value !== null
      ? this.#children.get(index)?.proxy === value
      : Object.is(this.base[index], value)
  }

  #settle(): unknown[] {
    const { base, scope } = this
    const put = new Map<number, unknown>()
    for (const [index, child] of this.#children) {
      const settled = child.settle()
      if (settled !== child.base) put.set(index, settled)
    }
    for (const [index, value] of this.#put) put.set(index, value === HOLE ? HOLE : scope.settled(value))
    const isSameLength = this.length === base.length && this.#kept === base.length
    if (put.size === 0 && isSameLength) return base
    const array = scope.writable(base, (old) => old.slice())
    if (array.length > this.#kept) array.length = this.#kept
    for (const [index, value] of put) {
      if (value === HOLE) Reflect.deleteProperty(array, index)
      else array[index] = value
    }
    array.length = this.length
    return array
  }
}

const HANDLER: ProxyHandler<Target> = {
  get([draft], name, receiver) {
    if (name === DRAFT) return draft
    draft.scope.assertLive()
    if (name === 'length') return draft.length
    const index = indexOf(name)
    return index === undefined ? Reflect.get(Array.prototype, name, receiver) : draft.get(index)
  },
  set([draft], name, value) {
    draft.scope.assertWritable()
    if (name === 'length') draft.setLength(lengthOf(value))
    else draft.set(indexOrRefuse(name), value)
    return true
  },
  has([draft], name) {
    draft.scope.assertLive()
    const index = indexOf(name)
    return index === undefined ? name in Array.prototype : draft.has(index)
  },
  deleteProperty([draft], name) {
    draft.scope.assertWritable()
    const index = indexOf(name)
    if (index !== undefined) draft.delete(index)
    return name !== 'length'
  },
  ownKeys([draft]) {
    draft.scope.assertLive()
    return [...draft.indexes(), 'length']
  },
  getOwnPropertyDescriptor([draft], name) {
    draft.scope.assertLive()
    if (name === 'length') return { value: draft.length, writable: true, enumerable: false, configurable: false }
    const index = indexOf(name)
    if (index === undefined || !draft.has(index)) return undefined
    return { value: draft.get(index), writable: true, enumerable: true, configurable: true }
  },
  defineProperty([draft], name, descriptor) {
    draft.scope.assertWritable()
    if (!('value' in descriptor)) throw new TypeError('a state has no getters and setters')
    if (name === 'length') draft.setLength(lengthOf(descriptor.value))
    else draft.set(indexOrRefuse(name), descriptor.value)
    return true
  },
  setPrototypeOf: () => false,
  preventExtensions: () => false,
}

function indexOf(name: string | symbol): number | undefined {
  if (typeof name === 'symbol') return undefined
  const index = Number(name)
  return Number.isInteger(index) && index >= 0 && index < 0xffff_ffff && String(index) === name ? index : undefined
}

function indexOrRefuse(name: string | symbol): number {
  const index = indexOf(name)
  if (index === undefined) throw new TypeError(`an array in a state has no property ${String(name)}`)
  return index
}

function lengthOf(value: unknown): number {
  const length = Number(value)
  if (!Number.isInteger(length) || length < 0 || length > 0xffff_ffff) throw new RangeError('Invalid array length')
  return length
}

export function openArray(scope: DraftScope, base: unknown[]): Draft {
  return new ArrayDraft(scope, base)
}
