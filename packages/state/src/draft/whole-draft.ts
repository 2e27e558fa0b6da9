import type { Draft } from './draft.ts'
import { areEqualBytes, type Bytes, copyOfBytes } from './kinds.ts'
import type { Place, StateHash } from './state-hash.ts'

/** What changes as a whole, and tells nobody: the transaction gets a copy, and whether it has changed is seen at the end. */
abstract class WholeDraft<T extends object> implements Draft {
  readonly base: T
  readonly proxy: T

  constructor(base: T, copy: T) {
    this.base = base
    this.proxy = copy
  }

  check(): void {}

  subtractOld(hash: StateHash, place: Place): void {
    if (this.#isChanged) hash.subtract(place, this.base)
  }

  settle(): object {
    return this.#isChanged ? this.copy(this.proxy) : this.base
  }

  addNew(hash: StateHash, place: Place): void {
    if (this.#isChanged) hash.add(place, this.proxy)
  }

  protected abstract copy(value: T): T
  protected abstract areEqual(a: T, b: T): boolean

  get #isChanged(): boolean {
    return !this.areEqual(this.base, this.proxy)
  }
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
