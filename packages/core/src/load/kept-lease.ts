import type { Clock } from '../clock.ts'
import type { Lease, Leases } from '../ports/leases.ts'

export interface KeptLeaseOptions {
  readonly leases: Leases
  readonly clock: Clock
  readonly leaseMs: number
  /** For how long it is renewed; after that it runs out. */
  readonly forMs: number
  /** Somebody has written the key, or its time was up before it was renewed. */
  readonly onLost: () => void
  /** It was not renewed any more, and its time is up. */
  readonly onGivenUp: () => void
}

/** Renews a lease while work is done under it: three times in its time, so that one late renewal does not lose it. */
export class KeptLease {
  readonly #lease: Lease
  readonly #options: KeptLeaseOptions
  readonly #end: number
  #isStopped = false
  #cancel: () => void

  constructor(lease: Lease, options: KeptLeaseOptions) {
    this.#lease = lease
    this.#options = options
    this.#end = options.clock.monotonic() + options.forMs
    this.#cancel = this.#soon()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #soon(): () => void {
    const { clock, leaseMs } = this.#options
    return clock.schedule(leaseMs / 3, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { clock, leases, leaseMs, onLost, onGivenUp } = this.#options
    if (clock.monotonic() >= this.#end) {
      this.#cancel = clock.schedule(leaseMs, onGivenUp)
      return
    }
    let isHeld = true
    try {
      isHeld = await leases.renew(this.#lease, leaseMs)
    } catch {
      // A back tier that is busy now may have time for the next renewal.
    }
    if (this.#isStopped) return
    if (isHeld) this.#cancel = this.#soon()
    else onLost()
  }
}
