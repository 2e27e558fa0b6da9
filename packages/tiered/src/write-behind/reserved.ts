import { reservedKey, type StoreKey } from '@tidemark/core'

const PREFIX = `${reservedKey().id}:`

/** Whether it is a key of the store's own. */
export function isReserved({ id }: StoreKey): boolean {
  return id.startsWith(PREFIX)
}
