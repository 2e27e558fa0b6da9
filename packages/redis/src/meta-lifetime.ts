import type { Clock, FrontSession } from '@tidemark/core'
import type { Link } from './link.ts'

export interface MetaLifetimeOptions {
  /** The key of meta. */
  readonly meta: string
  /** undefined: for ever, and nothing happens here. */
  readonly ttlMs: number | undefined
  readonly clock: Pick<Clock, 'monotonic'>
}

/**
 * How long meta stays without anybody who looks at it. Records have a time of their own; without this, the meta of a log
 * that ends with its process would stay for ever. Meta that is gone too early costs a start from nothing.
 */
export class MetaLifetime {
  readonly #options: MetaLifetimeOptions
  #session: FrontSession | undefined
  #prolongAt = -Infinity

  constructor(options: MetaLifetimeOptions) {
    this.#options = options
  }

  /** It was looked at, in this session. Never throws, never rejects: the next look prolongs it too. */
  prolong(link: Link, session: FrontSession): void {
    const { meta, ttlMs, clock } = this.#options
    if (ttlMs === undefined) return
    const now = clock.monotonic()
    // With a start from nothing there is another hash, which has no time yet.
    if (session === this.#session && now < this.#prolongAt) return
    this.#session = session
    this.#prolongAt = now + ttlMs / 3
    link.call('PEXPIRE', [meta, ttlMs]).catch(() => (this.#prolongAt = -Infinity))
  }

  /** Nobody will look at it any more. Never rejects: where it stays, its time comes. */
  async end(use: () => Link): Promise<void> {
    const { meta, ttlMs } = this.#options
    if (ttlMs === undefined) return
    try {
      await use().call('DEL', [meta])
    } catch {
      // Out of reach, perhaps for long.
    }
  }
}
