import type { Change } from './change.ts'
import { Fifo } from './fifo.ts'
import type { HookError } from './hook-error.ts'
import type { Look } from './look-back.ts'
import { isThenable } from './thenable.ts'

/** Called for each committed change. When it returns a promise, the hook's next change waits for it. */
export type Hook = (change: Change) => unknown

export interface HookRunnerOptions {
  readonly id: string
  readonly hook: Hook
  readonly joinedAfter: number
  readonly maxPending: number
  /** It is called with changes that know what they replaced. */
  readonly old: boolean
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
  /** One for each that is pending; undefined: it does not ask. */
  readonly #looks: Fifo<Look> | undefined
  /** Not called with it yet: what it replaced is being looked up. */
  #lookingAt: Change | undefined
  #running = false

  constructor(options: HookRunnerOptions) {
    this.#options = options
    this.#looks = options.old ? new Fifo<Look>() : undefined
  }

  get wantsOld(): boolean {
    return this.#looks !== undefined
  }

  get busy(): boolean {
    return this.#running
  }

  /** @param look of who {@link wantsOld} */
  offer(change: Change, look: Look | undefined): void {
    if (change.seq <= this.#options.joinedAfter) return
    if (this.#pending.size >= this.#options.maxPending) return this.#overflow(change)
    this.#pending.push(change)
    this.#looks?.push(look!)
    if (!this.#running) this.#run()
  }

  /** What it has not got yet, it never gets. A call under way cannot be taken back. */
  stop(): void {
    this.#pending.clear()
    this.#looks?.clear()
    this.#lookingAt = undefined
  }

  /** Stops it, and reports what it did not finish. */
  abandon(): void {
    this.#disconnect('abandoned', undefined, 'did not finish before the bus was closed')
  }

  #run(): void {
    this.#running = true
    if (this.#looks !== undefined) return void this.#runWithOld(this.#looks)
    for (let change = this.#pending.shift(); change !== undefined; change = this.#pending.shift()) {
      if (this.#call(change)) return
    }
    this.#running = false
    this.#options.onIdle()
  }

  async #runWithOld(looks: Fifo<Look>): Promise<void> {
    for (let change = this.#pending.shift(); change !== undefined; change = this.#pending.shift()) {
      const told = await this.#lookAt(change, looks.shift()!)
      try {
        if (told !== undefined) await this.#options.hook(told)
      } catch (error) {
        this.#failed(told!, error)
      }
    }
    this.#running = false
    this.#options.onIdle()
  }

  /** @returns undefined: the look has failed, which is reported; or it was stopped meanwhile, and gets nothing more */
  async #lookAt(change: Change, look: Look): Promise<Change | undefined> {
    this.#lookingAt = change
    const [outcome] = await Promise.allSettled([look()])
    if (this.#lookingAt !== change) return undefined
    this.#lookingAt = undefined
    if (outcome.status === 'fulfilled') return outcome.value
    this.#failed(change, outcome.reason)
    return undefined
  }

  /** Whether the hook goes on asynchronously; then it calls `#run` when it is done. */
  #call(change: Change): boolean {
    const { hook } = this.#options
    const failed = (error: unknown): void => this.#failed(change, error)
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
    this.#disconnect('overflow', change, `fell more than ${maxPending} changes behind`)
    onOverflow()
  }

  #failed(change: Change, error: unknown): void {
    const { id, report } = this.#options
    report({ kind: 'hook-failed', hook: id, change, error })
  }

  /** @param last what comes after everything that is pending, and is not going to be */
  #disconnect(reason: 'overflow' | 'abandoned', last: Change | undefined, what: string): void {
    const { id: hook, report } = this.#options
    const change = this.#lookingAt ?? this.#pending.peek() ?? last
    const missed = this.#pending.size + (this.#lookingAt === undefined ? 0 : 1) + (last === undefined ? 0 : 1)
    this.stop()
    const error = new Error(
      `hook ${hook} ${what}, and was removed; follow changes() to get what it missed from the log`,
    )
    report({ kind: 'hook-disconnected', hook, reason, change, missed, error })
  }
}
