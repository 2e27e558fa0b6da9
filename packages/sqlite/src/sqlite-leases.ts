import {
  between,
  type Clock,
  type KeyRange,
  type Lease,
  type LeaseGrant,
  type Leases,
  type StoreKey,
} from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import type { GroupCommitter } from './group-committer.ts'
import { type LeaseRow, LeaseSightings, SELECT_LEASE } from './lease-sightings.ts'

/** A day: longer than anyone should wait for a process that is gone. */
const MAX_TTL_MS = 86_400_000

export interface SqliteLeasesOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly committer: GroupCommitter
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
  /** @throws ClosedError; TidemarkError READ_ONLY */
  readonly assertWritable: () => void
}

/** The port of leases over one database. What changes any takes its place in a transaction of the group committer. */
export class SqliteLeases implements Leases {
  readonly #connection: Connection
  readonly #committer: GroupCommitter
  readonly #assertOpen: () => void
  readonly #assertWritable: () => void
  readonly #sightings: LeaseSightings
  readonly #held: RowStatement<LeaseRow>

  constructor(connection: Connection, options: SqliteLeasesOptions) {
    this.#connection = connection
    this.#committer = options.committer
    this.#assertOpen = options.assertOpen
    this.#assertWritable = options.assertWritable
    this.#sightings = new LeaseSightings(options.clock)
    this.#held = connection.prepareRows(SELECT_LEASE)
  }

  async acquire(key: StoreKey, ttlMs: number): Promise<LeaseGrant> {
    this.#assertWritable()
    const ttl = wholeMs(ttlMs)
    // Fails for a key that is too long, here and not for the whole group.
    void key.bytes
    return this.#committer.perform(({ leases }) => leases.acquire(key, ttl, this.#sightings))
  }

  async remaining(keys: readonly StoreKey[]): Promise<readonly number[]> {
    this.#assertOpen()
    const rows = this.#connection.read(() => keys.map((key) => this.#held.get(key.bytes)))
    return rows.map((row, i) => this.#sightings.remaining(keys[i]!, row))
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
