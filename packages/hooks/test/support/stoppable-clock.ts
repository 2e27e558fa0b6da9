import type { Clock } from '@tidemark/core'
import type { ManualClock } from '@tidemark/testkit'

/**
 * A process that can be stopped, as the operating system does it: its timers do not run, its time is not known to it.
 */
export class StoppableClock implements Clock {
  readonly #clock: ManualClock
  #isStopped = false
  #held: (() => void)[] = []

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  stop(): void {
    this.#isStopped = true
  }

  goOn(): void {
    this.#isStopped = false
    for (const task of this.#held.splice(0)) task()
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  schedule(delayMs: number, task: () => void): () => void {
    let isCancelled = false
    const cancel = this.#clock.schedule(delayMs, () => {
      if (!this.#isStopped) return task()
      this.#held.push(() => {
        if (!isCancelled) task()
      })
    })
    return () => {
      isCancelled = true
      cancel()
    }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, resolve))
  }
}
