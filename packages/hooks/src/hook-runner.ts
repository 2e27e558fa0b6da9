import type { Change } from './change.ts'
import { Fifo } from './fifo.ts'
import type { HookError } from './hook-error.ts'
import { isThenable } from './thenable.ts'

/** Called for each committed change. When it returns a promise, the hook's next change waits for it. */
export type Hook = (change: Change) => unknown

export interface HookRunnerOptions {
  readonly id: string
  readonly hook: Hook
  readonly joinedAfter: number
  readonly maxPending: number
  readonly report: (failure: HookError) => void
  /** The hook fell too far behind and takes nothing more. */
  readonly onOverflow: () => void
  /** The hook has nothing left to do. */
  readonly onIdle: () => void
}

/** Calls one hook with one change after the other, at its own pace. */
export class HookRunner {
  readonly #options: HookRunnerOptions
  readonly #pending = new Fifo<Change>()
  #running = false

  constructor(options: HookRunnerOptions) {
    this.#options = options
  }

  get busy(): boolean {
    return this.#running
  }

  offer(change: Change): void {
    if (change.seq <= this.#options.joinedAfter) return
    if (this.#pending.size >= this.#options.maxPending) return this.#overflow(change)
    this.#pending.push(change)
    if (!this.#running) this.#run()
  }

  /** What it has not got yet, it never gets. A call under way cannot be taken back. */
  stop(): void {
    this.#pending.clear()
  }

  /** Stops it, and reports what it did not finish. */
  abandon(): void {
    this.#disconnect('abandoned', this.#pending.peek(), this.#pending.size, 'did not finish before the bus was closed')
  }

  #run(): void {
    this.#running = true
    for (let change = this.#pending.shift(); change !== undefined; change = this.#pending.shift()) {
      if (this.#call(change)) return
    }
    this.#running = false
    this.#options.onIdle()
  }

  /** Whether the hook goes on asynchronously; then it calls `#run` when it is done. */
  #call(change: Change): boolean {
    const { id, hook, report } = this.#options
    const failed = (error: unknown): void => report({ kind: 'hook-failed', hook: id, change, error })
    try {
      const result = hook(change)
      if (!isThenable(result)) return false
      // A foreign thenable may call back at once, or twice: Promise.resolve does neither.
      void Promise.resolve(result)
        .catch(failed)
        .then(() => this.#run())
      return true
    } catch (error) {
      failed(error)
      return false
    }
  }

  #overflow(change: Change): void {
    const { maxPending, onOverflow } = this.#options
    const first = this.#pending.peek() ?? change
    this.#disconnect('overflow', first, this.#pending.size + 1, `fell more than ${maxPending} changes behind`)
    onOverflow()
  }

  #disconnect(reason: 'overflow' | 'abandoned', change: Change | undefined, missed: number, what: string): void {
    const { id: hook, report } = this.#options
    this.stop()
    const error = new Error(
      `hook ${hook} ${what}, and was removed; follow changes() to get what it missed from the log`,
    )
    report({ kind: 'hook-disconnected', hook, reason, change, missed, error })
  }
}
