import type { Clock } from '@tidemark/core'

export interface OutageOptions {
  readonly clock: Clock
  /** How long writes may miss the front before it is suspended. */
  readonly graceMs: number
  /** Whether the front has answered anything else that it was asked after that time, in monotonic milliseconds. */
  readonly hasAnsweredSince: (time: number) => boolean
  readonly suspend: () => void
}

/**
 * Tells a front that writers cannot reach from one that they have missed: a call that was lost, a connection that is made
 * anew, a process that has just begun to make its own. Those cost their writers a wait, and nobody else anything; while a
 * front is suspended, no process reads from it, and the change costs every writer of the fleet a wait.
 */
export class Outage {
  readonly #options: OutageOptions
  /** When the first of the writes since was missed; undefined: the last one was not. */
  #since: number | undefined
  #last = -Infinity
  #cancel: (() => void) | undefined

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** The front has taken a write. */
  reached(): void {
    this.#since = undefined
    this.close()
  }

  /** A write that has to wait has not reached the front, or nobody knows which server it has reached. */
  missed(): void {
    const { clock, graceMs, suspend } = this.#options
    const now = clock.monotonic()
    this.#since ??= now
    this.#last = now
    // Whatever else it answers: writes do not reach it.
    if (now - this.#since >= graceMs) suspend()
    else this.#cancel ??= clock.schedule(this.#since + graceMs - now, () => this.#look())
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** Nobody may have written meanwhile: the next writer shall not be the one to find out. */
  #look(): void {
    this.#cancel = undefined
    if (!this.#options.hasAnsweredSince(this.#last)) this.#options.suspend()
  }
}
