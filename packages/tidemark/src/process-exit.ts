/** The signals that end a process and leave it time. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Tells that something is about to end, and waits. */
export interface ExitPort {
  /** @returns takes the task back */
  onExit(task: () => Promise<void>): () => void
}

/**
 * The end of this process: it has nothing left to do, or it gets SIGINT, SIGTERM or SIGHUP, by which it then ends, unless the
 * application listens to that too. `process.exit()`, an uncaught error and SIGKILL leave no time.
 */
export const processExit: ExitPort = Object.freeze({
  onExit(task: () => Promise<void>): () => void {
    // What it fails with is its owner's to tell.
    const run = (): Promise<void> => task().catch(() => undefined)
    const atEnd = (): void => void run()
    let isEnding = false
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isEnding) return
      isEnding = true
      void run().then(() => {
        release()
        if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
      })
    }
    const release = (): void => {
      process.off('beforeExit', atEnd)
      for (const signal of SIGNALS) process.off(signal, onSignal)
    }
    process.once('beforeExit', atEnd)
    // Not once: whoever is the last to have done his task has to see that others have not.
    for (const signal of SIGNALS) process.on(signal, onSignal)
    return release
  },
})
