import { type Clock, systemClock } from '@tidemark/core'

/** Wall-clock time that stands still until a test steps it; timers are real, so that servers answer. */
export class WallClock implements Clock {
  #now = systemClock.now()

  now(): number {
    return this.#now
  }

  step(ms: number): void {
    this.#now += ms
  }

  monotonic(): number {
    return systemClock.monotonic()
  }

  schedule(delayMs: number, task: () => void): () => void {
    return systemClock.schedule(delayMs, task)
  }

  sleep(delayMs: number): Promise<void> {
    return systemClock.sleep(delayMs)
  }
}
