import { type KeyRange, prefixRange, reservedKey, type StoreKey } from '@tidemark/core'

// Parts of stored keys: never change them.
const WRITE_BEHIND = 'write-behind'
const OWNER = 'owner'
const ROW = 'row'
const FLUSHED = 'flushed'
const DEAD = 'dead'
const CHECKPOINT = 'checkpoint'

/** Names the journal of one opened store, and the lease of who writes or recovers it. */
export function ownerKey(owner: string): StoreKey {
  return reservedKey(WRITE_BEHIND, OWNER, owner)
}

export const OWNERS: KeyRange = rangeOf(OWNER)

/** The owner that such a key names. */
export function ownerOf(key: StoreKey): string {
  return key.tuple[3] as string
}

export function rowKey(owner: string, row: number): StoreKey {
  return reservedKey(WRITE_BEHIND, ROW, owner, row)
}

export function rowsOf(owner: string): KeyRange {
  return rangeOf(ROW, owner)
}

/** The row that such a key names. */
export function rowOf(key: StoreKey): number {
  return key.tuple[4] as number
}

/** Up to which row a journal that lies elsewhere is flushed. */
export function flushedKey(owner: string): StoreKey {
  return reservedKey(WRITE_BEHIND, FLUSHED, owner)
}

export function deadKey(id: string): StoreKey {
  return reservedKey(WRITE_BEHIND, DEAD, id)
}

export const DEAD_LETTERS: KeyRange = rangeOf(DEAD)

/** The id of the dead letter that such a key names. */
export function deadIdOf(key: StoreKey): string {
  return key.tuple[3] as string
}

export function checkpointKey(name: string): StoreKey {
  return reservedKey(WRITE_BEHIND, CHECKPOINT, name)
}

function rangeOf(...parts: (string | number)[]): KeyRange {
  return prefixRange(reservedKey(WRITE_BEHIND, ...parts).tuple)
}
