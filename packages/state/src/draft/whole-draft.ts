import type { Draft } from './draft.ts'
import { areEqualBytes, type Bytes, copyOfBytes, copyOfRegExp } from './kinds.ts'
import type { Place, StateHash } from './state-hash.ts'

/** What changes as a whole, and tells nobody: the transaction gets a copy, and whether it has changed is seen at the end. */
abstract class WholeDraft<T extends object> implements Draft {
  readonly base: T
  readonly proxy: T
  #changed: T | undefined

  constructor(base: T, copy: T) {
    this.base = base
    this.proxy = copy
  }

  check(): void {
    if (this.isChanged()) this.#changed = this.copy(this.proxy)
  }

  isChanged(): boolean {
    return !this.areEqual(this.base, this.proxy)
  }

  subtractOld(hash: StateHash, place: Place): void {
    if (this.#changed !== undefined) hash.subtract(place, this.base)
  }

  settle(): object {
    return this.#changed ?? this.base
  }

  addNew(hash: StateHash, place: Place): void {
    if (this.#changed !== undefined) hash.add(place, this.#changed)
  }

  protected abstract copy(value: T): T
  protected abstract areEqual(a: T, b: T): boolean
}

export class DateDraft extends WholeDraft<Date> {
  constructor(base: Date) {
    super(base, new Date(base))
  }

  protected override copy(value: Date): Date {
    return new Date(value)
  }

  protected override areEqual(a: Date, b: Date): boolean {
    return Object.is(a.getTime(), b.getTime())
  }
}

export class BytesDraft extends WholeDraft<Bytes> {
  constructor(base: Bytes) {
    super(base, copyOfBytes(base))
  }

  protected override copy(value: Bytes): Bytes {
    return copyOfBytes(value)
  }

  protected override areEqual(a: Bytes, b: Bytes): boolean {
    return areEqualBytes(a, b)
  }
}

/** A regular expression remembers where it has found something: that is the transaction's own, and begins at the beginning. */
export class RegExpDraft extends WholeDraft<RegExp> {
  constructor(base: RegExp) {
    super(base, copyOfRegExp(base))
  }

  protected override copy(value: RegExp): RegExp {
    return copyOfRegExp(value)
  }

  protected override areEqual(a: RegExp, b: RegExp): boolean {
    return a.source === b.source && a.flags === b.flags
  }
}
