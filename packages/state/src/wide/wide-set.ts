import { STORED_AS } from '@tidemark/core'
import { refuseChange } from '../draft/refuse-change.ts'
import { combinable } from './combinable.ts'
import { SharedEntries } from './shared-entries.ts'

type AnySet = ReadonlySet<unknown>

const INSPECT = Symbol.for('nodejs.util.inspect.custom')

function asSet(this: AnySet): AnySet {
  return new Set(this)
}

/** A Set that is cheap to change when it is large, as {@link WideMap} is a Map. */
export class WideSet {
  static {
    Object.setPrototypeOf(WideSet.prototype, Set.prototype)
    Object.defineProperty(WideSet.prototype, 'constructor', { value: Set, enumerable: false })
    Object.defineProperty(WideSet.prototype, INSPECT, { value: asSet, enumerable: false })
    Object.defineProperty(WideSet.prototype, STORED_AS, { value: asSet, enumerable: false })
    combinable(WideSet.prototype)
  }

  readonly #members: SharedEntries
  /** As of a WideMap. */
  readonly notCloneable = (): void => {}

  private constructor(members: SharedEntries) {
    this.#members = members
  }

  static of(value: object): WideSet | undefined {
    return #members in value ? (value as WideSet) : undefined
  }

  /** For a change, which readers of the one that it is made from do not see. */
  static from(set: AnySet): WideSet & AnySet {
    const wide = WideSet.of(set)
    const members = wide === undefined ? new SharedEntries() : wide.#members.fork()
    if (wide === undefined) for (const member of set) members.set(member, true)
    return new WideSet(members) as WideSet & AnySet
  }

  /** While nobody else has it. */
  put(member: unknown): void {
    this.#members.set(member, true)
  }

  /** The same. */
  remove(member: unknown): void {
    this.#members.delete(member)
  }

  get size(): number {
    return this.#members.size
  }

  has(member: unknown): boolean {
    return this.#members.has(member)
  }

  *entries(): Generator<[unknown, unknown]> {
    for (const member of this.#members.keys()) yield [member, member]
  }

  keys(): Generator<unknown> {
    return this.#members.keys()
  }

  values(): Generator<unknown> {
    return this.#members.keys()
  }

  forEach(callback: (member: unknown, same: unknown, set: AnySet) => void, self?: unknown): void {
    for (const member of this.keys()) callback.call(self, member, member, this as unknown as AnySet)
  }

  [Symbol.iterator](): Generator<unknown> {
    return this.keys()
  }

  add(): never {
    return refuseChange()
  }

  delete(): never {
    return refuseChange()
  }

  clear(): never {
    return refuseChange()
  }
}
