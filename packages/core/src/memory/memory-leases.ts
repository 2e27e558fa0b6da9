import { inRange, type KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Lease, LeaseGrant } from '../ports/leases.ts'

interface Held {
  readonly key: StoreKey
  readonly token: number
  readonly until: number
  readonly ttlMs: number
}

/** The leases of a memory store. Asked for the time of the group under way, as everything else in a commit is. */
export class MemoryLeases {
  readonly #held = new Map<string, Held>()
  #lastToken = 0
  /** No lease ends before this. */
  #earliest = Infinity

  /**
   * Forgets those whose time is up: once it was, a clock that goes back must not make them valid again, since what was
   * written meanwhile did not end them.
   */
  purge(now: number): void {
    if (now < this.#earliest) return
    this.#earliest = Infinity
    for (const [id, { until }] of this.#held) {
      if (until <= now) this.#held.delete(id)
      else this.#earliest = Math.min(this.#earliest, until)
    }
  }

  acquire(key: StoreKey, ttlMs: number, now: number): LeaseGrant {
    const held = this.#held.get(key.id)
    if (held === undefined) {
      const token = ++this.#lastToken
      this.#hold(key, token, ttlMs, now)
      return { lease: { key, token } }
    }
    const remainingMs = Math.min(held.until - now, held.ttlMs)
    // The clock went back: nobody has to wait for longer than what was asked for.
    if (held.until > now + remainingMs) this.#hold(key, held.token, held.ttlMs, now)
    return { lease: undefined, remainingMs }
  }

  remaining(key: StoreKey, now: number): number {
    const held = this.#held.get(key.id)
    return held === undefined ? 0 : Math.max(0, Math.min(held.until - now, held.ttlMs))
  }

  renew(lease: Lease, ttlMs: number, now: number): boolean {
    if (!this.isHeld(lease)) return false
    this.#hold(lease.key, lease.token, ttlMs, now)
    return true
  }

  isHeld({ key, token }: Lease): boolean {
    return this.#held.get(key.id)?.token === token
  }

  release(lease: Lease): void {
    if (this.isHeld(lease)) this.end(lease.key)
  }

  end(key: StoreKey): void {
    if (this.#held.size > 0) this.#held.delete(key.id)
  }

  endRange(range: KeyRange): void {
    for (const [id, { key }] of this.#held) if (inRange(range, key.bytes)) this.#held.delete(id)
  }

  endAll(): void {
    this.#held.clear()
  }

  #hold(key: StoreKey, token: number, ttlMs: number, now: number): void {
    const until = now + ttlMs
    this.#held.set(key.id, { key, token, until, ttlMs })
    this.#earliest = Math.min(this.#earliest, until)
  }
}
