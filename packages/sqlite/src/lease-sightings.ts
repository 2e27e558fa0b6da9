import type { Clock, StoreKey } from '@tidemark/core'

/** So many leases are remembered: beyond that, those first that were seen first. */
const MAX_SIGHTINGS = 10_000

/** The lease of a key, as it is stored. */
export const SELECT_LEASE = 'SELECT token, renewals, until, ttl_ms FROM lease WHERE key = ?'

/** `until`: by the wall clock of who took or renewed it. */
export type LeaseRow = readonly [token: number, renewals: number, until: number, ttlMs: number]

/** Times are by the monotonic clock of this process. */
interface Sighting {
  readonly token: number
  readonly renewals: number
  /** Nobody believes it for longer. */
  readonly latestEnd: number
  readonly end: number
}

/**
 * What this process has seen of the leases of others. A stored lease ends by the wall clock, which all processes share and
 * which may step back: whoever is dead would then be believed for as long as that step. So whoever sees a lease gives it the
 * time that it has left, by a clock that does not step; a holder that lives renews it, and it is another one. A later look may
 * find that more is left, since the wall clock was ahead when it was seen first: it gets that, but never more than was asked
 * for, counted from the first look.
 */
export class LeaseSightings {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #seen = new Map<string, Sighting>()

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock
  }

  /** @returns for how many milliseconds at most it is still held; 0: its time is up, whatever it says itself */
  remaining(key: StoreKey, lease: LeaseRow | undefined): number {
    if (lease === undefined) {
      this.#seen.delete(key.id)
      return 0
    }
    const [token, renewals, until, ttlMs] = lease
    const leftMs = Math.min(until - this.#clock.now(), ttlMs)
    const monotonic = this.#clock.monotonic()
    const last = this.#seen.get(key.id)
    const seen = last?.token === token && last.renewals === renewals ? last : undefined
    const latestEnd = seen?.latestEnd ?? monotonic + ttlMs
    const end = Math.max(seen?.end ?? -Infinity, Math.min(monotonic + leftMs, latestEnd))
    if (end !== seen?.end) this.#remember(key, { token, renewals, latestEnd, end })
    return Math.max(0, Math.min(leftMs, end - monotonic))
  }

  #remember({ id }: StoreKey, seen: Sighting): void {
    this.#seen.delete(id)
    this.#seen.set(id, seen)
    if (this.#seen.size <= MAX_SIGHTINGS) return
    const [oldest] = this.#seen.keys()
    this.#seen.delete(oldest!)
  }
}
