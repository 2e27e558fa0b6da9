import { type Clock, type KeyRange, type Lease, type LeaseGrant, type Leases, type StoreKey } from '@tidemark/core'

export interface HeldKeysOptions {
  readonly leases: Leases
  readonly clock: Clock
  /** Resolves when no write of the key waits to be flushed; undefined: none does. */
  readonly flushed: (key: StoreKey) => Promise<void> | undefined
  /** As `flushed`, of every key. */
  readonly allFlushed: () => Promise<void> | undefined
}

/**
 * The leases of a store that buffers writes: who gets one sees every acknowledged write of the key, and what is written to a
 * key that is leased in this process is not buffered, so that it ends the lease as any write does.
 */
export class HeldKeys implements Leases {
  readonly #options: HeldKeysOptions
  /** Until when, by the monotonic clock, at the latest. */
  readonly #until = new Map<string, number>()

  constructor(options: HeldKeysOptions) {
    this.#options = options
  }

  has(id: string): boolean {
    const until = this.#until.get(id)
    if (until === undefined) return false
    if (until > this.#options.clock.monotonic()) return true
    this.#until.delete(id)
    return false
  }

  /** Its commit has ended it. */
  ended({ key }: Lease): void {
    this.#until.delete(key.id)
  }

  async acquire(key: StoreKey, ttlMs: number): Promise<LeaseGrant> {
    // Before anything else: what is acknowledged from now on is not buffered.
    const held = this.#hold(key, ttlMs)
    try {
      const flushed = this.#options.flushed(key)
      // In the calling turn where it can be: what is asked for together is done in that order.
      if (flushed !== undefined) await flushed
      const grant = await this.#options.leases.acquire(key, ttlMs)
      if (grant.lease === undefined) this.#letGo(key, held)
      else this.#hold(key, ttlMs)
      return grant
    } catch (error) {
      this.#letGo(key, held)
      throw error
    }
  }

  remaining(keys: readonly StoreKey[]): Promise<readonly number[]> {
    return this.#options.leases.remaining(keys)
  }

  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    const isHeld = await this.#options.leases.renew(lease, ttlMs)
    if (isHeld) this.#hold(lease.key, ttlMs)
    else this.#until.delete(lease.key.id)
    return isHeld
  }

  async release(lease: Lease): Promise<void> {
    this.#until.delete(lease.key.id)
    return this.#options.leases.release(lease)
  }

  async endRange(range: KeyRange): Promise<void> {
    const flushed = this.#options.allFlushed()
    if (flushed !== undefined) await flushed
    return this.#options.leases.endRange(range)
  }

  #hold({ id }: StoreKey, ttlMs: number): number {
    const until = Math.max(this.#until.get(id) ?? 0, this.#options.clock.monotonic() + ttlMs)
    this.#until.set(id, until)
    return until
  }

  #letGo({ id }: StoreKey, held: number): void {
    if (this.#until.get(id) === held) this.#until.delete(id)
  }
}
