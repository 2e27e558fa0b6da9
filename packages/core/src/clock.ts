/** Time as a port, so that tests own it. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. May step in either direction. */
  now(): number
  /** Monotonic time in milliseconds from an arbitrary origin. */
  monotonic(): number
  /**
   * Runs `task` once after `delayMs`; the returned function cancels it. A pending task never keeps the process alive: whoever
   * waits for one does so in `keepAlive`.
   */
  schedule(delayMs: number, task: () => void): () => void
  /** Resolves after `delayMs`. Keeps the process alive: somebody waits for it. */
  sleep(delayMs: number): Promise<void>
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, task) {
    const timer: unknown = setTimeout(task, delayMs)
    // Browsers hand out numbers; Node.js hands out an object that would keep the process alive.
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
    return () => clearTimeout(timer as Parameters<typeof clearTimeout>[0])
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
}
