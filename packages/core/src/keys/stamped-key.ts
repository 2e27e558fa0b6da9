import type { SetWrite } from '../ports/back.ts'
import { StoreKey } from './store-key.ts'

/**
 * The key that a write has as change `seq` of the log. For back tiers, which alone know the seq: FoundationDB's
 * versionstamped keys.
 */
export function keyAt({ key, stamped }: Pick<SetWrite, 'key' | 'stamped'>, seq: number): StoreKey {
  return stamped === true ? StoreKey.of([...key.tuple, seq]) : key
}
