import type { Clock } from '@tidemark/core'

interface Task {
  readonly at: number
  /** Tasks of the same time run in the order in which they were scheduled. */
  readonly order: number
  run: (() => void) | undefined
}

/** Time that passes only when somebody lets it: each step leads to the next task that is due, and runs that one. */
export class VirtualClock implements Clock {
  readonly #start: number
  #monotonic = 0
  #order = 0
  /** A binary heap; cancelled tasks stay in it, without anything to run. */
  readonly #tasks: Task[] = []

  constructor(now = 1_700_000_000_000) {
    this.#start = now
  }

  now(): number {
    return this.#start + this.#monotonic
  }

  monotonic(): number {
    return this.#monotonic
  }

  schedule(delayMs: number, run: () => void): () => void {
    const task: Task = { at: this.#monotonic + Math.max(0, delayMs), order: this.#order++, run }
    this.#push(task)
    return () => (task.run = undefined)
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, resolve))
  }

  /** Lets time pass until the next task is due, and runs it. @returns false: there is none */
  step(): boolean {
    for (let task = this.#pop(); task !== undefined; task = this.#pop()) {
      if (task.run === undefined) continue
      this.#monotonic = task.at
      task.run()
      return true
    }
    return false
  }

  #push(task: Task): void {
    const heap = this.#tasks
    let i = heap.push(task) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(task, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = task
  }

  #pop(): Task | undefined {
    const heap = this.#tasks
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}
