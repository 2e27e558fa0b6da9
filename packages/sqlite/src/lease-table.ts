import { type KeyRange, type Lease, type LeaseGrant, type StoreKey, TidemarkError } from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import type { Connection, RowStatement } from './connection.ts'
import { toKey } from './entry-rows.ts'
import { type LeaseRow, type LeaseSightings, SELECT_LEASE } from './lease-sightings.ts'
import { NO_END } from './no-end.ts'
import { END_LEASES } from './starting-anew.ts'

/** So many leases are compared with what is written; where there are more, each key that is written is looked for. */
const FEW_LEASES = 16

/** So many keys are looked for in a transaction without a look at which leases there are. */
const FEW_KEYS = 4

/**
 * Leases within write transactions. Costs nothing in a transaction that meets none, and next to nothing per write where
 * some are held: those of consumers and of compaction are held for as long as there are any.
 */
export class LeaseTable {
  readonly #tier: string
  readonly #purge: Statement
  readonly #insert: Statement
  readonly #byKey: RowStatement<LeaseRow>
  readonly #shorten: Statement
  readonly #renew: Statement
  readonly #end: Statement
  readonly #some: RowStatement<Uint8Array>
  readonly #endRange: Statement
  readonly #endAll: Statement
  /** Whether the transaction under way can meet any. */
  #any = false
  #now = 0
  /** The ids of all keys with a lease, and perhaps of some whose lease has ended. undefined: not known. */
  #held: Set<string> | 'many' | undefined
  /** How many keys the transaction under way has looked for. */
  #sought = 0

  constructor(connection: Connection, tier: string) {
    this.#tier = tier
    this.#purge = connection.prepare('DELETE FROM lease WHERE until <= ?')
    this.#insert = connection.prepare('INSERT INTO lease (key, until, ttl_ms) VALUES (?, ?, ?)')
    this.#byKey = connection.prepareRows(SELECT_LEASE)
    this.#shorten = connection.prepare('UPDATE lease SET until = ? WHERE token = ?')
    this.#renew = connection.prepare('UPDATE lease SET until = ?, ttl_ms = ?, renewals = renewals + 1 WHERE token = ?')
    this.#end = connection.prepare('DELETE FROM lease WHERE key = ?')
    this.#some = connection.prepareColumn('SELECT key FROM lease LIMIT ?')
    this.#endRange = connection.prepare('DELETE FROM lease WHERE key >= ? AND key < ?')
    this.#endAll = connection.prepare(END_LEASES)
  }

  /**
   * A transaction begins. Deletes those whose time is up: once it was, a clock that goes back must not make them valid
   * again, since what was written meanwhile did not end them.
   * @param earliest when the first of them ends; null: there is none
   */
  begin(earliest: number | null, now: number): void {
    this.#any = earliest !== null
    this.#now = now
    this.#held = undefined
    this.#sought = 0
    if (earliest !== null && earliest <= now) this.#purge.run(now)
  }

  /** @param sightings of who asks: what has ended for him is his */
  acquire(key: StoreKey, ttlMs: number, sightings: LeaseSightings): LeaseGrant {
    const now = this.#now
    const row = this.#byKey.get(key.bytes)
    if (row !== undefined) {
      const [token, , until, asked] = row
      const remainingMs = sightings.remaining(key, row)
      if (remainingMs > 0) {
        // The clock went back: others, who see it for the first time, do not have to wait for longer.
        if (until > now + asked) this.#shorten.run(now + Math.ceil(remainingMs), token)
        return { lease: undefined, remainingMs }
      }
      this.#end.run(key.bytes)
    }
    this.#any = true
    if (this.#held instanceof Set) this.#held.add(key.id)
    const token = Number(this.#insert.run(key.bytes, now + ttlMs, ttlMs).lastInsertRowid)
    return { lease: { key, token } }
  }

  renew(lease: Lease, ttlMs: number): boolean {
    if (!this.#isHeld(lease)) return false
    this.#renew.run(this.#now + ttlMs, ttlMs, lease.token)
    return true
  }

  release(lease: Lease): void {
    if (this.#isHeld(lease)) this.end(lease.key)
  }

  /** @returns LEASE_LOST, unless the lease is still held */
  refusal(lease: Lease): TidemarkError | undefined {
    if (this.#isHeld(lease)) return undefined
    const { id } = lease.key
    const message = `the lease of ${id} has ended: it was written meanwhile, or its time was up; read it again`
    return new TidemarkError('LEASE_LOST', message, { key: id, tier: this.#tier })
  }

  /** The key is written or deleted. */
  end(key: StoreKey): void {
    if (this.#any) this.#end.run(key.bytes)
  }

  /**
   * The keys are written or deleted.
   * @param kept the id of one whose lease stays
   */
  endEach(written: readonly { readonly key: StoreKey }[], kept: string | undefined): void {
    if (!this.#any) return
    const held = this.#heldWhen(written.length)
    for (const { key } of written) if (key.id !== kept && held?.has(key.id) !== false) this.end(key)
  }

  endRange({ start, end = NO_END }: KeyRange): void {
    if (this.#any) this.#endRange.run(start, end)
  }

  endAll(): void {
    if (this.#any) this.#endAll.run()
    this.#any = false
  }

  /** @returns the ids of what may be held; undefined: it is cheaper to look for each of so many keys */
  #heldWhen(keys: number): ReadonlySet<string> | undefined {
    this.#sought += keys
    if (this.#held === undefined && this.#sought > FEW_KEYS) {
      const some = this.#some.all(FEW_LEASES + 1)
      this.#held = some.length > FEW_LEASES ? 'many' : new Set(some.map((key) => toKey(key).id))
    }
    return this.#held instanceof Set ? this.#held : undefined
  }

  #isHeld({ key, token }: Lease): boolean {
    return this.#any && this.#byKey.get(key.bytes)?.[0] === token
  }
}
