import { parentOf } from './parent.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const PARENT_CHECK_MS = 500

export interface StopSignal {
  /** Aborts once: at the first signal, when whoever started us is gone, or at {@link StopSignal.stop}. */
  readonly signal: AbortSignal
  stop(reason: string): void
  /** Stops listening. */
  dispose(): void
}

/** `kill` is called at the second signal: it must end everything at once. */
export function listenForStop(kill: () => void): StopSignal {
  const controller = new AbortController()
  const stop = (reason: string): void => controller.abort(reason)
  const onSignal = (name: NodeJS.Signals): void => (controller.signal.aborted ? kill() : stop(name))
  for (const name of SIGNALS) process.on(name, onSignal)
  const watch = watchStarter(() => stop('the process that started this one is gone'))
  return {
    signal: controller.signal,
    stop,
    dispose() {
      watch()
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}

/**
 * Under npm, this process is the child of a shell that is npm's child: neither passes on how the other one ended. Run
 * directly, it may well be meant to outlive its shell, so nothing is watched then.
 */
function watchStarter(onGone: () => void): () => void {
  if (process.env['npm_lifecycle_event'] === undefined) return () => undefined
  const shell = process.ppid
  const npm = parentOf(shell)
  const timer = setInterval(() => {
    if (process.ppid !== shell || (npm !== undefined && parentOf(shell) !== npm)) onGone()
  }, PARENT_CHECK_MS).unref()
  return () => clearInterval(timer)
}
