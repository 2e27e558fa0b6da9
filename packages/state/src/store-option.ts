import { type Back, backOf, port, Store } from '@tidemark/core'

/** A store, or its back tier, whatever its tiers offer. It stays its owner's, who closes it after what is kept in it. */
// oxlint-disable-next-line typescript/no-explicit-any -- of what its reads and writes may say, nothing is used
export type AnyStore = Store<any, any> | Back<any, any>

/** @throws TypeError when it is neither */
export function backIn(store: AnyStore): Back {
  if (store instanceof Store) return backOf(store)
  return port('option store', store as Back, ['commit', 'scan', 'read'])
}

/** @throws TypeError or RangeError for what cannot be one */
export function checkName(name: unknown): string {
  if (typeof name !== 'string') throw new TypeError(`a name must be a string, not ${typeof name}`)
  if (name === '') throw new RangeError('a name must not be empty')
  return name
}
