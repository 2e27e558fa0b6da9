import type { Clock } from '@tidemark/core'

interface Task {
  readonly at: number
  readonly run: () => void
}

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number
  #monotonic = 0
  readonly #tasks = new Set<Task>()

  constructor(now = 1_700_000_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  /** Lets time pass, and runs what falls due on the way, each at its time. */
  advance(ms: number): void {
    const end = this.#monotonic + ms
    for (let task = this.#next(end); task !== undefined; task = this.#next(end)) {
      this.#tasks.delete(task)
      this.#pass(task.at - this.#monotonic)
      task.run()
    }
    this.#pass(end - this.#monotonic)
  }

  /** Steps the wall clock, as an operator or NTP does; no time passes. */
  step(ms: number): void {
    this.#now += ms
  }

  schedule(delayMs: number, run: () => void): () => void {
    const task = { at: this.#monotonic + delayMs, run }
    this.#tasks.add(task)
    return () => void this.#tasks.delete(task)
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, resolve))
  }

  #next(end: number): Task | undefined {
    let next: Task | undefined
    for (const task of this.#tasks) if (task.at <= end && (next === undefined || task.at < next.at)) next = task
    return next
  }

  #pass(ms: number): void {
    this.#now += ms
    this.#monotonic += ms
  }
}
