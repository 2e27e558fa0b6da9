import { type Clock, systemClock } from '@tidemark/core'

/**
 * The clock of the machine, except that a test can move its time. Timers are real: what waits for a server or another
 * process goes on.
 */
export class ShiftedClock implements Clock {
  #shift = 0
  #passed = 0

  now(): number {
    return systemClock.now() + this.#shift + this.#passed
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#passed
  }

  /** Moves the wall clock, forwards or backwards. */
  step(ms: number): void {
    this.#shift += ms
  }

  /** Lets so much time have passed, at once: no timer notices. */
  pass(ms: number): void {
    this.#passed += ms
  }

  schedule(delayMs: number, task: () => void): () => void {
    return systemClock.schedule(delayMs, task)
  }

  sleep(delayMs: number): Promise<void> {
    return systemClock.sleep(delayMs)
  }
}
