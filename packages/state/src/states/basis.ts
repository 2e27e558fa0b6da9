import type { Payload } from '@tidemark/core'

/**
 * What the memory of a state goes back to: its value as it was last saved or loaded, or its default. Every save goes on from
 * the one that was there when it was called, and brings it up to date, for those behind it; a reload gives the state another.
 */
export interface Basis {
  /** undefined: whatever is in memory was changed here. */
  payload: Payload | undefined
  /** The save that it was stored by; undefined: none, it is a default. */
  storedBy: number | undefined
  /** The save that had stored the last value of this state, as far as this process knows; undefined: none. */
  seen: number | undefined
  /** To save what is in memory is wanted, although it is as it was saved once: it was restored, say. */
  isOld: boolean
  /** No save has been made since it was defined, and none had it. */
  isNew: boolean
}

/** A state at the moment of a call. */
export interface Captured {
  readonly payload: Payload
  readonly basis: Basis
}

/** Nobody has changed that yet. */
export function basisOfDefault(payload: Payload | undefined): Basis {
  return { payload, storedBy: undefined, seen: undefined, isOld: false, isNew: true }
}

/** What begins anew is not to come back with its old value: it is this process's own from the start. */
export function basisAnew(seen: number | undefined): Basis {
  return { payload: undefined, storedBy: undefined, seen, isOld: false, isNew: true }
}

export function isUnchanged({ payload, basis }: Captured): boolean {
  return basis.payload !== undefined && basis.payload.isSameAs(payload)
}

/** This save has stored it. */
export function rebase({ payload, basis }: Captured, number: number): void {
  Object.assign(basis, { payload, storedBy: number, seen: number, isOld: false, isNew: false } satisfies Basis)
}

/** A save that was called before this basis was there has stored what was in memory then: this process knows of that. */
export function noteStored(basis: Basis, number: number): void {
  if (number <= (basis.seen ?? 0)) return
  basis.seen = number
  basis.isOld = true
}
