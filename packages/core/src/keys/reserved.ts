import { type Key, type KeyTuple, isTuple } from './key.ts'
import { type KeyRange, prefixRange, rangeWithout } from './key-range.ts'
import { StoreKey } from './store-key.ts'
import { Uuid } from './uuid.ts'

/** The first part of every key that the store keeps for itself: `tidemark` in its first eight bytes. Stored: never change it. */
const RESERVED = Uuid.parse('74696465-6d61-726b-8000-000000000000')

const RANGE = prefixRange([RESERVED])

/** As every id of a reserved key begins. */
const ID_PREFIX = `${StoreKey.of([RESERVED]).id}:`

/** A key of the store's own, which no key of a user can be. */
export function reservedKey(...parts: KeyTuple): StoreKey {
  return StoreKey.of([RESERVED, ...parts])
}

/** Whether it is a key of the store's own. Costs a comparison of two texts. */
export function isReserved({ id }: StoreKey): boolean {
  return id.startsWith(ID_PREFIX)
}

/** The parts behind the reserved one; undefined for a user's key. Costs a comparison of two texts. */
export function reservedParts(key: StoreKey): KeyTuple | undefined {
  return isReserved(key) ? key.tuple.slice(1) : undefined
}

/**
 * The key of a user.
 * @throws TypeError for a key that the store keeps for itself; as `StoreKey.of` does for what cannot be a key
 */
export function userKey(key: Key): StoreKey {
  if (typeof key === 'object' && RESERVED.equals(isTuple(key) ? key[0] : key)) {
    throw new TypeError(`keys that begin with the Uuid ${RESERVED.text} are reserved for the store itself`)
  }
  return StoreKey.of(key)
}

/** The parts of a range, in key order, that hold keys of users. */
export function userRanges(range: KeyRange): readonly KeyRange[] {
  return rangeWithout(range, RANGE)
}
