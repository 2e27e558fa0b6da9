import type { Owned } from './owned.ts'
import type { Place, StateHash } from './state-hash.ts'

/** What a draft answers with the draft that it is. */
export const DRAFT: unique symbol = Symbol('draft')

/**
 * A part of a state as one transaction sees it: its changes lie over what was there, which stays as it is until the
 * transaction has come to its end.
 */
export interface Draft {
  readonly base: object
  /** What the transaction works on. */
  readonly proxy: object
  /**
   * Looks through what was put into it, and takes copies of that: nothing fails afterwards.
   * @throws TypeError naming the place of what cannot be in a state
   */
  check(path: string, depth: number): void
  /** Whether the transaction has changed anything in it so far. */
  isChanged(): boolean
  /** Takes what is about to be replaced or removed out of the hash. Before anything settles. */
  subtractOld(hash: StateHash, place: Place): void
  /** What came of it: `base`, unless something in it was changed. Settles once, whoever asks. */
  settle(): object
  /** Takes what has come into it into the hash. When everything has settled. */
  addNew(hash: StateHash, place: Place): void
}

export function draftOf(value: object): Draft | undefined {
  return (value as { readonly [DRAFT]?: Draft })[DRAFT]
}

/** What the drafts of one transaction share. */
export interface DraftScope {
  readonly owned: Owned
  /** @throws TypeError when the transaction is over */
  assertLive(): void
  /** @throws TypeError when its function has returned, too */
  assertWritable(): void
  /** A draft of what is in the state; undefined for what cannot be changed from within. */
  open(base: object): Draft | undefined
  /** A container that may be changed where it is: this one, or a copy that `copy` makes. */
  writable<T extends object>(base: T, copy: (base: T) => T): T
  /** What `storable` has made, without drafts in it. */
  settled(value: unknown): unknown
  /** The same, as a member of a Set. */
  settledMember(value: unknown): unknown
}
