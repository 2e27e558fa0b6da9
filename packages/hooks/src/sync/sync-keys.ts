import { ALL_KEYS, inRange, type KeyRange, prefixRange, reservedKey, StoreKey, userRanges } from '@tidemark/core'

// Parts of stored keys: never change them.
const SYNC = 'sync'
const CHECKPOINT = 'checkpoint'
const WRITTEN = 'written'
const STAMP = 'stamp'
const DELETED = 'deleted'

/** Names the checkpoint of a sync, in the target, and its lease. */
export function checkpointKey(name: string): StoreKey {
  return reservedKey(SYNC, CHECKPOINT, name)
}

export const CHECKPOINTS: KeyRange = prefixRange(reservedKey(SYNC, CHECKPOINT).tuple)

/** Where {@link checkpointKey} has the name. */
export function nameOfCheckpoint(key: StoreKey): string {
  return key.tuple[3] as string
}

/** Names a run of versions that a sync has written, by the first of them. */
export function writtenKey(name: string, from: number): StoreKey {
  return reservedKey(SYNC, WRITTEN, name, from)
}

export function writtenRange(name: string): KeyRange {
  return prefixRange(reservedKey(SYNC, WRITTEN, name).tuple)
}

/** Where {@link writtenKey} has its number. */
export function firstOfWritten(key: StoreKey): number {
  return key.tuple[4] as number
}

/** Notes that somebody has deleted a key in the target. undefined: there is no room for it, and it is not noted. */
export function deletedKey(name: string, key: StoreKey): StoreKey | undefined {
  const deleted = reservedKey(SYNC, DELETED, name, ...key.tuple)
  try {
    void deleted.bytes
    return deleted
  } catch {
    return undefined
  }
}

export function deletedRange(name: string): KeyRange {
  return prefixRange(reservedKey(SYNC, DELETED, name).tuple)
}

/** Names the stamp of a key. @throws RangeError when there is no room for it: `key` is almost too long for a key */
export function stampKey(key: StoreKey): StoreKey {
  const stamp = reservedKey(SYNC, STAMP, ...key.tuple)
  void stamp.bytes
  return stamp
}

/** The key that a stamp is of. */
export function keyOfStamp(stamp: StoreKey): StoreKey {
  return StoreKey.of(stamp.tuple.slice(3))
}

export const STAMPS: KeyRange = prefixRange(reservedKey(SYNC, STAMP).tuple)

/** Whether a user can have such a key. */
export function isUserKey(key: StoreKey): boolean {
  return USER_RANGES.some((range) => inRange(range, key.bytes))
}

const USER_RANGES = userRanges(ALL_KEYS)
