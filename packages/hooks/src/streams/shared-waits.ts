import { type Log, type LogIdentity, Waiters, wholeAtLeast } from '@tidemark/core'

interface Position {
  readonly after: number
  readonly identity: LogIdentity
}

/** One wait of the log, for all who wait for it to grow. */
interface Watch {
  readonly after: number
  readonly controller: AbortController
}

/** Waits of one log that share a single one. */
export class SharedWaits {
  readonly #log: Pick<Log, 'wait' | 'sync' | 'identity'>
  readonly #waiters = new Waiters<Position>()
  #watch: Watch | undefined

  constructor(log: Pick<Log, 'wait' | 'sync' | 'identity'>) {
    this.#log = log
  }

  /** As {@link Log.wait}. */
  async wait(after: number, signal: AbortSignal): Promise<void> {
    wholeAtLeast('after', after, 0)
    signal.throwIfAborted()
    const position = { after, identity: this.#log.identity }
    // What is watched already tells of anything past its own position, which for this one is too late.
    if (this.#watch === undefined || after < this.#watch.after) this.#start(after)
    try {
      await this.#waiters.wait(position, signal)
    } finally {
      // It has aborted, and nobody else is left.
      if (this.#waiters.size === 0) this.#stop()
    }
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
      this.#wake()
    } catch (error) {
      return this.#waiters.fail(error)
    }
    if (this.#waiters.size > 0) this.#start(Math.min(...Array.from(this.#waiters, ({ after }) => after)))
  }

  /** Who has to look now. Everybody where it cannot be told: to look in vain is allowed, to wait in vain is not. */
  #wake(): void {
    const head = this.#log.sync?.head() ?? Infinity
    const { identity } = this.#log
    const due = this.#waiters.wake((position) => position.after < head || !isSame(position.identity, identity))
    if (due === 0) this.#waiters.wake(() => true)
  }

  #failed(watch: Watch, error: unknown): void {
    if (watch !== this.#watch) return
    this.#watch = undefined
    this.#waiters.fail(error)
  }
}

export function isSame(one: LogIdentity, other: LogIdentity): boolean {
  return one === other || (one.id === other.id && one.epoch === other.epoch)
}
