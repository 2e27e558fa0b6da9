import { openArray } from './array-draft.ts'
import { DateDraft, BytesDraft } from './whole-draft.ts'
import { type Draft, draftOf, type DraftScope } from './draft.ts'
import { copyOfBytes, isContainer, kindOf } from './kinds.ts'
import { lock } from './lock.ts'
import { openMap } from './map-draft.ts'
import type { Owned } from './owned.ts'
import { openRecord } from './record-draft.ts'
import { setOwn } from './own-property.ts'
import { openSet } from './set-draft.ts'

/** One transaction's view of a state. */
export class Scope implements DraftScope {
  readonly owned: Owned
  #isOver = false

  constructor(owned: Owned) {
    this.owned = owned
  }

  /** From now on its drafts refuse everything. */
  end(): void {
    this.#isOver = true
  }

  assertLive(): void {
    if (this.#isOver) throw new TypeError('what a transaction got of the state cannot be used when it is over')
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
    if (draft === undefined) return this.#taken(value)
    const settled = draft.settle()
    this.owned.giveUp(settled)
    return settled
  }

  /**
   * A copy of a value that the transaction has made, as decoding would give it, unchangeable. What was given stays the
   * transaction's own.
   */
  #taken(value: object): object {
    const taken = this.#copied(value)
    if (isContainer(taken)) lock(taken)
    return taken
  }

  #copied(value: object): object {
    switch (kindOf(value)) {
      case 'array':
        // Holes stay holes.
        return (value as unknown[]).map((element) => this.settled(element))
      case 'map': {
        const entries = Array.from(value as Map<unknown, unknown>)
        return new Map(entries.map(([key, element]) => [this.settled(key), this.settled(element)]))
      }
      case 'set':
        return new Set(Array.from(value as Set<unknown>, (member) => this.settled(member)))
      case 'record':
        return this.#copiedRecord(value as Record<string, unknown>)
      case 'date':
        return new Date(value as Date)
      case 'bytes':
        return copyOfBytes(value as Uint8Array)
      default:
        return value
    }
  }

  #copiedRecord(value: Record<string, unknown>): object {
    const record = { ...value }
    for (const symbol of Object.getOwnPropertySymbols(record)) delete (record as Record<symbol, unknown>)[symbol]
    for (const name in record) {
      const property = record[name]
      if (typeof property === 'object' && property !== null) setOwn(record, name, this.settled(property))
    }
    return record
  }
}
