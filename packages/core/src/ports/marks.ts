import type { Payload } from '../codec/payload.ts'
import type { KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Lease } from './leases.ts'

/**
 * A small record that is kept beside the log: how far a subscriber has come, a change that was set aside, a checkpoint. It is
 * neither an entry nor a change: no read shows it, no front holds it, nobody is told of it.
 */
export interface Mark {
  readonly key: StoreKey
  readonly value: Payload
}

export interface MarkWrite {
  readonly key: StoreKey
  /** undefined removes the mark, if there is one. */
  readonly value: Payload | undefined
  /** As a read has told: where the mark is another one by now, byte for byte, or gone, nothing happens. @default whatever it is */
  readonly expected?: Payload | undefined
}

export interface MarkWriteOptions {
  /** Nothing is written unless it is still held. It stays held. */
  readonly lease?: Lease | undefined
}

export interface MarkScanOptions {
  /** Exclusive start, for the next page. */
  readonly after: StoreKey | undefined
  readonly limit: number
}

/** The marks of a back tier. Their keys have nothing to do with those of entries. */
export interface Marks {
  /** From one snapshot, in the order of the keys; undefined: there is none. */
  read(keys: readonly StoreKey[]): Promise<readonly (Payload | undefined)[]>
  /** In key order, from one snapshot. Fewer than `limit`: the range is exhausted. */
  scan(range: KeyRange, options: MarkScanOptions): Promise<readonly Mark[]>
  /**
   * All of them, or none. Durable when it resolves. To write marks together with a commit, name them in its Proposal.
   * @throws TidemarkError LEASE_LOST, BUSY, READ_ONLY, DISK_FULL, IO; ClosedError
   */
  write(writes: readonly MarkWrite[], options?: MarkWriteOptions): Promise<void>
}
