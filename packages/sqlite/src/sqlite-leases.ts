import { between, type KeyRange, type Lease, type LeaseGrant, type Leases, type StoreKey } from '@tidemark/core'
import type { GroupCommitter } from './group-committer.ts'

/** A day: longer than anyone should wait for a process that is gone. */
const MAX_TTL_MS = 86_400_000

/** The port of leases over one database. Each call takes its place in a transaction of the group committer. */
export class SqliteLeases implements Leases {
  readonly #committer: GroupCommitter
  readonly #assertWritable: () => void

  /** @param assertWritable throws ClosedError, TidemarkError READ_ONLY */
  constructor(committer: GroupCommitter, assertWritable: () => void) {
    this.#committer = committer
    this.#assertWritable = assertWritable
  }

  async acquire(key: StoreKey, ttlMs: number): Promise<LeaseGrant> {
    this.#assertWritable()
    const ttl = wholeMs(ttlMs)
    // Fails for a key that is too long, here and not for the whole group.
    void key.bytes
    return this.#committer.perform(({ leases }) => leases.acquire(key, ttl))
  }

  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    this.#assertWritable()
    const ttl = wholeMs(ttlMs)
    return this.#committer.perform(({ leases }) => leases.renew(lease, ttl))
  }

  async release(lease: Lease): Promise<void> {
    this.#assertWritable()
    return this.#committer.perform(({ leases }) => leases.release(lease))
  }

  async endRange(range: KeyRange): Promise<void> {
    this.#assertWritable()
    return this.#committer.perform(({ leases }) => leases.endRange(range))
  }
}

function wholeMs(ttlMs: number): number {
  return Math.ceil(between('ttlMs', ttlMs, 1, MAX_TTL_MS))
}
