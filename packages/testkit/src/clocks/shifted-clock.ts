import { type Clock, systemClock } from '@tidemark/core'

/**
 * The clock of the machine, except that a test can move its wall-clock time. Timers are real: what waits for a server
 * or another process goes on.
 */
export class ShiftedClock implements Clock {
  #shift = 0

  now(): number {
    return systemClock.now() + this.#shift
  }

  monotonic(): number {
    return systemClock.monotonic()
  }

  /** Moves the wall clock, forwards or backwards. */
  step(ms: number): void {
    this.#shift += ms
  }

  schedule(delayMs: number, task: () => void): () => void {
    return systemClock.schedule(delayMs, task)
  }

  sleep(delayMs: number): Promise<void> {
    return systemClock.sleep(delayMs)
  }
}
