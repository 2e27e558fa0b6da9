import { combinable } from '../wide/combinable.ts'
import { WIDE } from '../wide/wide-map.ts'
import { WideSet } from '../wide/wide-set.ts'
import { storable } from './storable.ts'
import { DRAFT, type Draft, type DraftScope } from './draft.ts'
import type { Place, StateHash } from './state-hash.ts'

type AnySet = Set<unknown>

/**
 * Is a Set by class, and holds nothing itself. Members that are objects are handed out as drafts, like everything in a state,
 * and are not to be changed: one that is would be another member.
 */
class SetDraft extends Set<unknown> implements Draft {
  static {
    combinable(SetDraft.prototype)
  }

  readonly base: AnySet
  readonly #scope: DraftScope
  /** Of the base, and gone at least for a while: what is added again comes last. */
  readonly #removed = new Set<unknown>()
  readonly #added = new Set<unknown>()
  /** What was added, as it can be stored, and then as it is. */
  #storable: readonly unknown[] = []
  #settledMembers: readonly unknown[] = []
  /** Of the members that are objects, by member. */
  #drafts: Map<object, Draft> | undefined
  /** The members that they stand for, by what was handed out. */
  #membersOf: Map<unknown, unknown> | undefined
  #settled: AnySet | undefined

  constructor(scope: DraftScope, base: AnySet) {
    super()
    this.base = base
    this.#scope = scope
  }

  get [DRAFT](): Draft {
    return this
  }

  get proxy(): object {
    return this
  }

  override get size(): number {
    this.#scope.assertLive()
    return this.base.size - this.#removed.size + this.#added.size
  }

  override has(member: unknown): boolean {
    this.#scope.assertLive()
    return this.#added.has(member) || this.#isLeft(this.#memberOf(member))
  }

  override add(member: unknown): this {
    this.#scope.assertWritable()
    if (!this.has(member)) this.#added.add(member)
    return this
  }

  override delete(member: unknown): boolean {
    this.#scope.assertWritable()
    if (!this.has(member)) return false
    if (!this.#added.delete(member)) this.#removed.add(this.#memberOf(member))
    return true
  }

  override clear(): void {
    for (const member of Array.from(this)) this.delete(member)
  }

  override *values(): SetIterator<unknown> {
    this.#scope.assertLive()
    for (const member of this.base) if (!this.#removed.has(member)) yield this.#shown(member)
    yield* this.#added
  }

  override keys(): SetIterator<unknown> {
    return this.values()
  }

  override *entries(): SetIterator<[unknown, unknown]> {
    for (const member of this.values()) yield [member, member]
  }

  override forEach(callback: (member: unknown, same: unknown, set: AnySet) => void, self?: unknown): void {
    for (const member of this.values()) callback.call(self, member, member, this)
  }

  override [Symbol.iterator](): SetIterator<unknown> {
    return this.values()
  }

  check(path: string, depth: number): void {
    for (const [member, draft] of this.#drafts ?? []) {
      if (!draft.isChanged() || !this.#isLeft(member)) continue
      throw new TypeError(`a member of ${path} was changed, which makes it another one: delete it, and add another`)
    }
    this.#storable = Array.from(this.#added, (member) => storable(member, `a member of ${path}`, depth + 1))
  }

  isChanged(): boolean {
    return this.#removed.size > 0 || this.#added.size > 0
  }

  subtractOld(hash: StateHash, place: Place): void {
    for (const member of this.#removed) hash.subtractMember(place, member)
  }

  settle(): object {
    return (this.#settled ??= this.#settle())
  }

  addNew(hash: StateHash, place: Place): void {
    for (const member of this.#settledMembers) hash.addMember(place, member)
  }

  #isLeft(member: unknown): boolean {
    return this.base.has(member) && !this.#removed.has(member)
  }

  #shown(member: unknown): unknown {
    if (typeof member !== 'object' || member === null) return member
    const known = this.#drafts?.get(member)
    if (known !== undefined) return known.proxy
    const draft = this.#scope.open(member)
    if (draft === undefined) return member
    ;(this.#drafts ??= new Map<object, Draft>()).set(member, draft)
    ;(this.#membersOf ??= new Map<unknown, unknown>()).set(draft.proxy, member)
    return draft.proxy
  }

  #memberOf(shown: unknown): unknown {
    return this.#membersOf?.get(shown) ?? shown
  }

  #settle(): AnySet {
    if (this.#removed.size === 0 && this.#added.size === 0) return this.base
    this.#settledMembers = this.#storable.map((member) => this.#scope.settledMember(member))
    const set = this.#scope.writable(this.base, copied)
    const wide = WideSet.of(set)
    for (const member of this.#removed) {
      if (wide === undefined) set.delete(member)
      else wide.remove(member)
    }
    for (const member of this.#settledMembers) {
      if (wide === undefined) set.add(member)
      else wide.put(member)
    }
    return set
  }
}

function copied(base: AnySet): AnySet {
  return base.size > WIDE || WideSet.of(base) !== undefined ? (WideSet.from(base) as unknown as AnySet) : new Set(base)
}

export function openSet(scope: DraftScope, base: AnySet): Draft {
  return new SetDraft(scope, base)
}
