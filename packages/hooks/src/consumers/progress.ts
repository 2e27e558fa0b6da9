import type { Clock } from '@tidemark/core'

export interface ProgressWait {
  readonly ms: number
  /** What `moves` was. */
  readonly since: number
  readonly signal: AbortSignal | undefined
}

/** Wakes who waits for lanes to come further, in this process or in another one. */
export class Progress {
  readonly #clock: Clock
  readonly #wakes = new Set<() => void>()
  #moves = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts them, so that none is missed between a look and a wait. */
  get moves(): number {
    return this.#moves
  }

  /** A lane of this process has come further, or the consumer is being closed. */
  moved(): void {
    this.#moves++
    for (const wake of this.#wakes) wake()
  }

  /** Until something has moved here since then, or for so long, in which it may have elsewhere; or until it aborts. */
  async wait({ ms, since, signal }: ProgressWait): Promise<void> {
    if (signal?.aborted || this.#moves !== since) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#wakes.delete(wake)
        cancel()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const cancel = this.#clock.schedule(ms, wake)
      signal?.addEventListener('abort', wake)
      this.#wakes.add(wake)
    })
  }
}
