import { listOf } from '../options/checks.ts'
import type { Key } from './key.ts'
import { userKey } from './reserved.ts'
import type { StoreKey } from './store-key.ts'

/** Keys, and not one that could be taken for many: text and bytes are keys themselves. */
export type KeyList = Iterable<Key> & object

/** @param name what they are, in the plural. @throws TypeError when it is no list, and as `userKey` for what cannot be a key */
export function userKeys(name: string, keys: KeyList): StoreKey[] {
  const list = listOf(name, keys, "['a', ['user', 1]]")
  if (ArrayBuffer.isView(list))
    throw new TypeError(`${name} must be a list of keys, not bytes, which are one key: put it into an array`)
  return Array.from(list, (key) => userKey(key))
}
