import { SeqSet } from './seq-set.ts'

/** A change by its idempotency key. */
export interface ChangeId {
  /** Of which log, in which epoch. */
  readonly scope: string
  readonly seq: number
}

/** @throws TypeError for what is no idempotency key of this change */
export function changeIdOf(id: string, seq: number): ChangeId {
  const end = `:${seq}`
  if (typeof id === 'string' && id.endsWith(end)) return { scope: id.slice(0, -end.length), seq }
  throw new TypeError(`the idempotency key of change ${seq} must end with "${end}", not be ${String(id)}`)
}

/** Which changes a file holds. */
export class WrittenChanges {
  /** Of all that were added; Infinity and 0 when there are none. */
  min: number = Infinity
  max = 0
  readonly #scopes = new Map<string, SeqSet>()

  has({ scope, seq }: ChangeId): boolean {
    return this.#scopes.get(scope)?.has(seq) === true
  }

  add({ scope, seq }: ChangeId): void {
    let seqs = this.#scopes.get(scope)
    if (seqs === undefined) this.#scopes.set(scope, (seqs = new SeqSet()))
    seqs.add(seq)
    this.min = Math.min(this.min, seq)
    this.max = Math.max(this.max, seq)
  }
}
