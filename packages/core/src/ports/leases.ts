import type { KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'

/** The right to load the value of a key. */
export interface Lease {
  readonly key: StoreKey
  /** Higher than that of every earlier lease of this store. */
  readonly token: number
}

export type LeaseGrant =
  | { readonly lease: Lease }
  /** Somebody else holds it, for so many milliseconds at most. */
  | { readonly lease: undefined; readonly remainingMs: number }

/**
 * Leases over keys, shared by every process of a store: who holds one does the work, the others wait for its commit.
 *
 * Any other commit that writes or deletes the key (also a delete of what does not exist, which is no change) ends its lease in
 * the same transaction; the expiry of what was there does not. A commit that names a lease is refused unless that is still
 * held: so a value that was loaded before a write can never come after it. Leases are not changes of the log.
 */
export interface Leases {
  /** @param ttlMs 1 to 86,400,000, after which others may take it over; whoever held it finds it gone when it commits */
  acquire(key: StoreKey, ttlMs: number): Promise<LeaseGrant>
  /**
   * For how many milliseconds at most each key's lease is still held, by whomever; 0: it may be had. In the order of the
   * keys. Only looks: costs no transaction that others would have to wait for.
   *
   * A lease that nobody renews ends for whoever looks again once the time has passed, by his monotonic clock, that he was
   * told at his first look: a wall clock that steps back adds nothing to it.
   */
  remaining(keys: readonly StoreKey[]): Promise<readonly number[]>
  /** Prolongs a lease. @returns whether it was still held */
  renew(lease: Lease, ttlMs: number): Promise<boolean>
  /** Ends a lease; nothing happens when it is not held any more. */
  release(lease: Lease): Promise<void>
  /**
   * Ends every lease of a key in the range, whoever holds it: what is under way there was computed from what is about to
   * go. Needed where keys that do not exist are meant too, which no commit can name.
   */
  endRange(range: KeyRange): Promise<void>
}
