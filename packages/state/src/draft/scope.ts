import { openArray } from './array-draft.ts'
import { BytesDraft, DateDraft, RegExpDraft } from './whole-draft.ts'
import { type Draft, draftOf, type DraftScope } from './draft.ts'
import { kindOf } from './kinds.ts'
import { lock } from './lock.ts'
import { openMap } from './map-draft.ts'
import type { Owned } from './owned.ts'
import { openRecord } from './record-draft.ts'
import { openSet } from './set-draft.ts'
import { twinOf } from './twin.ts'

/** One transaction's view of a state. */
export class Scope implements DraftScope {
  readonly owned: Owned
  #isOver = false
  #isSealed = false

  constructor(owned: Owned) {
    this.owned = owned
  }

  /** From now on its drafts refuse everything. */
  end(): void {
    this.#isOver = true
    this.owned.transactionEnded()
  }

  assertLive(): void {
    if (this.#isOver) throw new TypeError('what a transaction got of the state cannot be used when it is over')
  }

  /** The function has returned: getters of what it has made may look at the state, and change it no more. */
  seal(): void {
    this.#isSealed = true
  }

  assertWritable(): void {
    this.assertLive()
    if (this.#isSealed) throw new TypeError('a getter cannot change the state that it is put into, or returned from')
  }

  open(base: object): Draft | undefined {
    switch (kindOf(base)) {
      case 'record':
        return openRecord(this, base as Record<string, unknown>)
      case 'array':
        return openArray(this, base as unknown[])
      case 'map':
        return openMap(this, base as Map<unknown, unknown>)
      case 'set':
        return openSet(this, base as Set<unknown>)
      case 'date':
        return new DateDraft(base as Date)
      case 'regexp':
        return new RegExpDraft(base as RegExp)
      case 'bytes':
        return new BytesDraft(base as Uint8Array)
      default:
        return undefined
    }
  }

  writable<T extends object>(base: T, copy: (base: T) => T): T {
    if (this.owned.has(base)) return base
    const copied = copy(base)
    this.owned.add(copied)
    return copied
  }

  settled(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const draft = draftOf(value)
    if (draft === undefined) return this.#withoutDrafts(value)
    const settled = draft.settle()
    this.owned.giveUp(settled)
    return settled
  }

  /** As a member of a Set: what stands elsewhere in the state, too, is there another object, as after a restart. */
  settledMember(value: unknown): unknown {
    const settled = this.settled(value)
    return isObject(settled) && isObject(value) && draftOf(value) !== undefined ? twinOf(settled) : settled
  }

  /** Of what {@link storable} has made, which is nobody else's. Unchangeable from then on. */
  #withoutDrafts(value: object): object {
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) if (isObject(value[i])) value[i] = this.settled(value[i])
    } else if (value instanceof Map) {
      for (const [key, element] of value) if (isObject(element)) value.set(key, this.settled(element))
    } else if (value instanceof Set) return this.#settledSet(value)
    else if (kindOf(value) === 'record') {
      for (const name in value) {
        const property = (value as Record<string, unknown>)[name]
        if (isObject(property)) Object.defineProperty(value, name, { value: this.settled(property) })
      }
    } else return value
    lock(value)
    return value
  }

  #settledSet(value: Set<unknown>): object {
    const settled = new Set(Array.from(value, (member) => this.settledMember(member)))
    lock(settled)
    return settled
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
