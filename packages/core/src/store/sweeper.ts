import type { Clock } from '../clock.ts'
import { TidemarkError } from '../errors.ts'
import type { Back } from '../ports/back.ts'

export interface SweeperOptions {
  readonly clock: Clock
  /** Milliseconds between two sweeps. Any number of processes may sweep one back tier. */
  readonly everyMs: number
  /** Entries per commit. A sweep goes on until nothing expired is left. */
  readonly batch: number
  /** A failed sweep ends there; the next one tries again. */
  readonly onError: (error: unknown) => void
}

/** Turns expired entries into logged `expire` changes in the background, until the returned function is called. */
export function startSweeper(back: Pick<Back, 'expire'>, options: SweeperOptions): () => Promise<void> {
  let stopped = false
  let sweeping: Promise<void> = Promise.resolve()
  let cancel = options.clock.schedule(options.everyMs, run)

  function run(): void {
    sweeping = sweep().then(() => {
      if (!stopped) cancel = options.clock.schedule(options.everyMs, run)
    })
  }

  async function sweep(): Promise<void> {
    try {
      let expired = options.batch
      while (!stopped && expired === options.batch) expired = (await back.expire(options.batch)).changes.length
    } catch (error) {
      if (!stopped || !(error instanceof TidemarkError && error.code === 'CLOSED')) options.onError(error)
    }
  }

  return () => {
    stopped = true
    cancel()
    return sweeping
  }
}
