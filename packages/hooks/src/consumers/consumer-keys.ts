import { type KeyRange, prefixRange, reservedKey, type StoreKey } from '@tidemark/core'

// Parts of stored keys: never change them. The kind comes before the name, so that what every consumer has one of can
// be listed without meeting what it has many of.
const CONSUMER = 'consumer'
const REGISTERED = 'registered'
const LANE = 'lane'
const MEMBER = 'member'
const PARKED = 'parked'
const REQUEST = 'request'

export function registrationKey(name: string): StoreKey {
  return reservedKey(CONSUMER, REGISTERED, name)
}

/** Names the lane's mark, and its lease. */
export function laneKey(name: string, lane: number): StoreKey {
  return reservedKey(CONSUMER, LANE, name, lane)
}

/** Names the member's mark, and its lease. */
export function memberKey(name: string, member: string): StoreKey {
  return reservedKey(CONSUMER, MEMBER, name, member)
}

export function parkedKey(name: string, lane: number, seq: number): StoreKey {
  return reservedKey(CONSUMER, PARKED, name, lane, seq)
}

export function requestKey(name: string, lane: number, seq: number): StoreKey {
  return reservedKey(CONSUMER, REQUEST, name, lane, seq)
}

export const REGISTRATIONS: KeyRange = rangeOf(REGISTERED)

export const lanesOf = (name: string): KeyRange => rangeOf(LANE, name)
export const membersOf = (name: string): KeyRange => rangeOf(MEMBER, name)
/** @param lane undefined: of all */
export function requestsOf(name: string, lane?: number): KeyRange {
  return lane === undefined ? rangeOf(REQUEST, name) : rangeOf(REQUEST, name, lane)
}

/** @param lane undefined: of all */
export function parkedOf(name: string, lane?: number): KeyRange {
  return lane === undefined ? rangeOf(PARKED, name) : rangeOf(PARKED, name, lane)
}

function rangeOf(...parts: (string | number)[]): KeyRange {
  return prefixRange(reservedKey(CONSUMER, ...parts).tuple)
}

/** The parts behind the kind: the name, and what follows it. */
export function partsOf(key: StoreKey): readonly unknown[] {
  return key.tuple.slice(3)
}
