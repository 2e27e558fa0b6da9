import {
  type AgreementSample,
  type Clock,
  type FrontAgreements,
  type FrontSession,
  type SharedFront,
  TidemarkError,
} from '@tidemark/core'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 16_000

/**
 * Which server counts. A connection that was just made leads to where the address points now: it claims its server. Who
 * finds another one agreed on is talking to an old primary, perhaps: it reads from there no more, and connects anew.
 * Two servers that both live on take turns, ever more slowly, and nobody reads anything stale meanwhile.
 *
 * Who claims a server agrees on his bound with it, however large that of the last one was. Who wants a larger one raises
 * it, and who has gone does not: so a bound that nobody wants any more ends with the server that it was agreed on for.
 */
export class ServerClaim {
  readonly #front: SharedFront
  readonly #agreements: FrontAgreements
  readonly #clock: Clock
  readonly #maxStaleMs: number
  #claimed: FrontSession['server'] | undefined
  #session: FrontSession | undefined
  #pauseMs = FIRST_PAUSE_MS
  #reconnectAt = -Infinity

  constructor(front: SharedFront, agreements: FrontAgreements, clock: Clock, maxStaleMs: number) {
    this.#front = front
    this.#agreements = agreements
    this.#clock = clock
    this.#maxStaleMs = maxStaleMs
  }

  /** A connection began: what it leads to may be claimed once. */
  renew(session: FrontSession | undefined): void {
    if (session === undefined || session.server !== this.#session?.server) this.#claimed = undefined
    this.#session = session
  }

  /** @returns what is agreed on now; undefined: this session's server is not, and the connection is made anew */
  async assert(session: FrontSession, sample: AgreementSample): Promise<AgreementSample | undefined> {
    if (sample.agreement.server === session.server) {
      this.#claimed = session.server
      if (sample.agreement.maxStaleMs >= this.#maxStaleMs) return sample
      const raised = await this.#raise(sample)
      if (raised.agreement.server === session.server) return raised
    } else if (this.#claimed !== session.server) {
      this.#claimed = session.server
      const next = { server: session.server, maxStaleMs: this.#maxStaleMs }
      const changed = await this.#agreements.change(this.#front.agreedAs, sample.agreement.term, next)
      if (changed.agreement.server === session.server) return changed
    }
    this.#giveWay()
    return undefined
  }

  async #raise(sample: AgreementSample): Promise<AgreementSample> {
    try {
      return await this.#agreements.change(this.#front.agreedAs, sample.agreement.term, {
        maxStaleMs: this.#maxStaleMs,
      })
    } catch (error) {
      // Who may not write lives with the bound of those who may.
      if (error instanceof TidemarkError && error.code === 'READ_ONLY') return sample
      throw error
    }
  }

  #giveWay(): void {
    const now = this.#clock.monotonic()
    if (now < this.#reconnectAt) return
    // Long undisturbed, or for the first time: at once. Again and again: more and more slowly.
    if (now > this.#reconnectAt + LONGEST_PAUSE_MS) this.#pauseMs = FIRST_PAUSE_MS
    else this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    this.#reconnectAt = now + this.#pauseMs
    this.#front.reconnect()
  }
}
