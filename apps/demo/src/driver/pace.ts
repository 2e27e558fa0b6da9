import { setTimeout as sleep } from 'node:timers/promises'

/** Spreads requests evenly: each turn comes due 1/rate seconds after the one before. Time lost is not made up for. */
export class Pace {
  readonly #intervalMs: number
  #nextAt = 0

  /** Infinity: nobody waits. */
  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond
  }

  async turn(signal: AbortSignal): Promise<void> {
    if (this.#intervalMs === 0) return
    const now = performance.now()
    const at = Math.max(this.#nextAt, now)
    this.#nextAt = at + this.#intervalMs
    if (at > now) await sleep(at - now, undefined, { signal }).catch(() => undefined)
  }
}
