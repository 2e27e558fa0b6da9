import type { SetWrite } from '../ports/back.ts'
import { MAX_KEY_BYTES } from './key.ts'
import { StoreKey } from './store-key.ts'

/** What a number takes at the end of an encoded key. */
const STAMP_BYTES = 9

/**
 * The key that a write has as change `seq` of the log. For back tiers, which alone know the seq: FoundationDB's
 * versionstamped keys.
 */
export function keyAt({ key, stamped }: Pick<SetWrite, 'key' | 'stamped'>, seq: number): StoreKey {
  return stamped === true ? StoreKey.of([...key.tuple, seq]) : key
}

/** @throws RangeError when a key leaves no room for a number behind it */
export function assertStampable(key: StoreKey): void {
  const { length } = key.bytes
  if (length + STAMP_BYTES > MAX_KEY_BYTES) {
    throw new RangeError(
      `a key of ${length} bytes leaves no room for what is kept under it: at most ${MAX_KEY_BYTES} in all`,
    )
  }
}
