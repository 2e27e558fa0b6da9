import { checkStorable } from './checked.ts'
import { DRAFT, type Draft, type DraftScope } from './draft.ts'
import type { Place, StateHash } from './state-hash.ts'

type AnySet = Set<unknown>

/**
 * Is a Set, and holds what the transaction sees: a copy, since the methods that combine Sets look inside. Members that are
 * objects are unchangeable, as one that is changed would be another member.
 */
class SetDraft extends Set<unknown> implements Draft {
  readonly base: AnySet
  readonly #scope: DraftScope
  #settled: AnySet | undefined

  constructor(scope: DraftScope, base: AnySet) {
    super()
    this.base = base
    this.#scope = scope
    for (const member of base) super.add(member)
  }

  get [DRAFT](): Draft {
    return this
  }

  get proxy(): object {
    return this
  }

  override add(member: unknown): this {
    this.#scope.assertLive()
    return super.add(member)
  }

  override delete(member: unknown): boolean {
    this.#scope.assertLive()
    return super.delete(member)
  }

  override clear(): void {
    this.#scope.assertLive()
    super.clear()
  }

  check(path: string, depth: number): void {
    for (const member of this) if (!this.base.has(member)) checkStorable(member, `a member of ${path}`, depth + 1)
  }

  subtractOld(hash: StateHash, place: Place): void {
    for (const member of this.base) if (!this.has(member)) hash.subtractMember(place, member)
  }

  settle(): object {
    return (this.#settled ??= this.#settle())
  }

  addNew(hash: StateHash, place: Place): void {
    for (const member of this) if (!this.base.has(member)) hash.addMember(place, this.#scope.settled(member))
  }

  #settle(): AnySet {
    if (this.size === this.base.size && areEqual(this, this.base)) return this.base
    const settled = new Set(
      Array.from(this, (member) => (this.base.has(member) ? member : this.#scope.settled(member))),
    )
    this.#scope.owned.add(settled)
    return settled
  }
}

/** In order, too. */
function areEqual(a: AnySet, b: AnySet): boolean {
  const others = b.values()
  for (const member of a) if (!Object.is(member, others.next().value)) return false
  return true
}

export function openSet(scope: DraftScope, base: AnySet): Draft {
  return new SetDraft(scope, base)
}
