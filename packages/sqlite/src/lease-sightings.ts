import type { Clock, StoreKey } from '@tidemark/core'

/** So many leases are remembered: beyond that, those first that were seen first. */
const MAX_SIGHTINGS = 10_000

/** A lease as it is stored. */
export interface StoredLease {
  readonly token: number
  /** By the wall clock of who took or renewed it. */
  readonly until: number
  readonly ttlMs: number
}

interface Sighting {
  readonly token: number
  readonly until: number
  /** By the monotonic clock of this process. */
  readonly end: number
}

/**
 * What this process has seen of the leases of others. A stored lease ends by the wall clock, which all processes share and
 * which may step back: whoever is dead would then be believed for as long as that step. So whoever sees a lease for the
 * first time gives it the time that it has left then, by a clock that does not step; a holder that lives renews it, and it is another one.
 */
export class LeaseSightings {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #seen = new Map<string, Sighting>()

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock
  }

  /** @returns for how many milliseconds at most it is still held; 0: its time is up, whatever it says itself */
  remaining(key: StoreKey, lease: StoredLease | undefined): number {
    if (lease === undefined) {
      this.#seen.delete(key.id)
      return 0
    }
    const { token, until, ttlMs } = lease
    const leftMs = Math.min(until - this.#clock.now(), ttlMs)
    const monotonic = this.#clock.monotonic()
    let seen = this.#seen.get(key.id)
    if (seen?.token !== token || seen.until !== until) {
      seen = { token, until, end: monotonic + leftMs }
      this.#remember(key, seen)
    }
    return Math.max(0, Math.min(leftMs, seen.end - monotonic))
  }

  /** What was seen last says so now: that is no sign of life. */
  shortened(key: StoreKey, until: number): void {
    const seen = this.#seen.get(key.id)
    if (seen !== undefined) this.#remember(key, { ...seen, until })
  }

  #remember({ id }: StoreKey, seen: Sighting): void {
    this.#seen.delete(id)
    this.#seen.set(id, seen)
    if (this.#seen.size <= MAX_SIGHTINGS) return
    const [oldest] = this.#seen.keys()
    this.#seen.delete(oldest!)
  }
}
