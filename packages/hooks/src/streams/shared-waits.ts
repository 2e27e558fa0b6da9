import { type Log, type LogIdentity, wholeAtLeast } from '@tidemark/core'

interface Waiter {
  readonly after: number
  readonly identity: LogIdentity
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** One wait of the log, for all who wait for it to grow. */
interface Watch {
  readonly after: number
  readonly controller: AbortController
}

/** Waits of one log that share a single one. */
export class SharedWaits {
  readonly #log: Pick<Log, 'wait' | 'sync' | 'identity'>
  readonly #waiters = new Set<Waiter>()
  #watch: Watch | undefined

  constructor(log: Pick<Log, 'wait' | 'sync' | 'identity'>) {
    this.#log = log
  }

  /** As {@link Log.wait}. */
  async wait(after: number, signal: AbortSignal): Promise<void> {
    wholeAtLeast('after', after, 0)
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        signal.removeEventListener('abort', onAbort)
        this.#waiters.delete(waiter)
        settle()
      }
      const waiter: Waiter = {
        after,
        identity: this.#log.identity,
        resolve: () => end(resolve),
        reject: (error) => end(() => reject(error as Error)),
      }
      const onAbort = (): void => {
        waiter.reject(signal.reason)
        if (this.#waiters.size === 0) this.#stop()
      }
      signal.addEventListener('abort', onAbort)
      this.#waiters.add(waiter)
      // What is watched already tells of anything past its own position, which for this one is too late.
      if (this.#watch === undefined || after < this.#watch.after) this.#start(after)
    })
  }

  #start(after: number): void {
    this.#stop()
    const watch: Watch = { after, controller: new AbortController() }
    this.#watch = watch
    this.#log.wait(after, watch.controller.signal).then(
      () => this.#woke(watch),
      (error: unknown) => this.#failed(watch, error),
    )
  }

  #stop(): void {
    const watch = this.#watch
    this.#watch = undefined
    watch?.controller.abort()
  }

  #woke(watch: Watch): void {
    if (watch !== this.#watch) return
    this.#watch = undefined
    try {
      for (const waiter of this.#due()) waiter.resolve()
    } catch (error) {
      return this.#failAll(error)
    }
    if (this.#waiters.size > 0) this.#start(Math.min(...Array.from(this.#waiters, ({ after }) => after)))
  }

  /** Who has to look now. Everybody where it cannot be told: to look in vain is allowed, to wait in vain is not. */
  #due(): readonly Waiter[] {
    const all = [...this.#waiters]
    const head = this.#log.sync?.head() ?? Infinity
    const { identity } = this.#log
    const due = all.filter((waiter) => waiter.after < head || !isSame(waiter.identity, identity))
    return due.length > 0 ? due : all
  }

  #failed(watch: Watch, error: unknown): void {
    if (watch !== this.#watch) return
    this.#watch = undefined
    this.#failAll(error)
  }

  #failAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}

export function isSame(one: LogIdentity, other: LogIdentity): boolean {
  return one === other || (one.id === other.id && one.epoch === other.epoch)
}
