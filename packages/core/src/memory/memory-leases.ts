import { inRange, type KeyRange } from '../keys/key-range.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Lease, LeaseGrant } from '../ports/leases.ts'

interface Held {
  readonly key: StoreKey
  readonly token: number
  /** By the wall clock, as everything else that has a time in a store. */
  readonly until: number
  /** By the monotonic clock: the other one may go back, and would keep alive whoever is dead. */
  readonly end: number
}

/** The leases of a memory store. Asked for the time of the group under way, as everything else in a commit is. */
export class MemoryLeases {
  readonly #held = new Map<string, Held>()
  #lastToken = 0
  #now = 0
  #monotonic = 0
  /** No lease ends before these. */
  #earliest = { until: Infinity, end: Infinity }

  /**
   * A group begins. Forgets those whose time is up, by either clock: once it was, a clock that goes back must not make them
   * valid again, since what was written meanwhile did not end them.
   */
  begin(now: number, monotonic: number): void {
    this.#now = now
    this.#monotonic = monotonic
    if (!this.#isOver(this.#earliest)) return
    this.#earliest = { until: Infinity, end: Infinity }
    for (const [id, held] of this.#held) {
      if (this.#isOver(held)) this.#held.delete(id)
      else this.#notBefore(held)
    }
  }

  acquire(key: StoreKey, ttlMs: number): LeaseGrant {
    const held = this.#held.get(key.id)
    if (held === undefined) {
      const token = ++this.#lastToken
      this.#hold(key, token, ttlMs)
      return { lease: { key, token } }
    }
    const remainingMs = this.remaining(key)
    // The clock went back: nobody has to wait for longer than what was asked for.
    const until = this.#now + remainingMs
    if (held.until > until) this.#put({ ...held, until })
    return { lease: undefined, remainingMs }
  }

  remaining(key: StoreKey): number {
    const held = this.#held.get(key.id)
    return held === undefined ? 0 : Math.max(0, Math.min(held.until - this.#now, held.end - this.#monotonic))
  }

  renew(lease: Lease, ttlMs: number): boolean {
    if (!this.isHeld(lease)) return false
    this.#hold(lease.key, lease.token, ttlMs)
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

  #isOver({ until, end }: Pick<Held, 'until' | 'end'>): boolean {
    return until <= this.#now || end <= this.#monotonic
  }

  #hold(key: StoreKey, token: number, ttlMs: number): void {
    this.#put({ key, token, until: this.#now + ttlMs, end: this.#monotonic + ttlMs })
  }

  #put(held: Held): void {
    this.#held.set(held.key.id, held)
    this.#notBefore(held)
  }

  #notBefore({ until, end }: Held): void {
    const earliest = this.#earliest
    earliest.until = Math.min(earliest.until, until)
    earliest.end = Math.min(earliest.end, end)
  }
}
