import type { Clock } from '@tidemark/core'

/**
 * How one process sees a clock that several share. It can be stopped, as SIGSTOP, a sleeping laptop or a long garbage
 * collection stop one: time goes on, and what fell due meanwhile runs when the process does, in the order of its time.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock
  /** How far this machine's wall clock is off. */
  readonly #skewMs: number
  #stopped = false
  #ended = false
  #waiting: (() => void)[] = []

  constructor(clock: Clock, skewMs = 0) {
    this.#clock = clock
    this.#skewMs = skewMs
  }

  get isStopped(): boolean {
    return this.#stopped
  }

  now(): number {
    return this.#clock.now() + this.#skewMs
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  schedule(delayMs: number, task: () => void): () => void {
    let isCancelled = false
    const run = (): void => {
      if (this.#ended || isCancelled) return
      if (this.#stopped) this.#waiting.push(run)
      else task()
    }
    const cancel = this.#clock.schedule(delayMs, run)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, resolve))
  }

  /** Nothing of the process runs until {@link resume}. */
  stop(): void {
    this.#stopped = true
  }

  resume(): void {
    this.#stopped = false
    const waiting = this.#waiting
    this.#waiting = []
    // Each in a turn of its own, as an event loop would, and before anything that falls due later.
    for (const run of waiting) this.#clock.schedule(0, run)
  }

  /** The process is dead: nothing of it ever runs again. */
  end(): void {
    this.#ended = true
    this.#waiting = []
  }
}
