import { type Clock, ClosedError, type LogIdentity, Waiters } from '@tidemark/core'
import type { Connection, RowStatement } from './connection.ts'
import type { KnownIdentity } from './known-identity.ts'

interface Position {
  readonly identity: LogIdentity
  readonly after: number
}

export interface HeadWatchOptions {
  readonly clock: Clock
  readonly identity: KnownIdentity
  readonly pollMs: () => number
}

/**
 * Knows the head of the log, and wakes who waits for it to move.
 *
 * `PRAGMA data_version` says in a microsecond or two whether another connection has committed. It is silent about our
 * own commits, which are announced here instead, and may change without a reason.
 */
export class HeadWatch {
  readonly #connection: Connection
  readonly #options: HeadWatchOptions
  readonly #dataVersion: RowStatement<number>
  readonly #readHead: RowStatement<readonly [seq: number, epoch: number]>
  readonly #waiters = new Waiters<Position>()
  #seenVersion: number | undefined
  #head = 0
  #cancelPoll: (() => void) | undefined

  constructor(connection: Connection, options: HeadWatchOptions) {
    this.#connection = connection
    this.#options = options
    this.#dataVersion = connection.prepareColumn('PRAGMA data_version')
    this.#readHead = connection.prepareRows('SELECT seq, epoch FROM log_head WHERE id = 1')
  }

  /** The head now, commits of other processes included. @throws TidemarkError */
  head(): number {
    return this.#connection.read(() => {
      const version = this.#dataVersion.get()
      if (version !== this.#seenVersion) {
        // In this order: a commit in between makes the head newer than the version says, and the next call looks again.
        const [head, epoch] = this.#readHead.get()!
        this.#head = head
        this.#options.identity.saw(epoch)
        this.#seenVersion = version
      }
      return this.#head
    })
  }

  /** Our own commit moved the head. */
  moved(head: number): void {
    this.#head = head
    this.#wake(head)
  }

  async wait(after: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.head() > after) return
    const woken = this.#waiters.wait({ identity: this.#options.identity.current, after }, signal)
    this.#schedulePoll()
    await woken
  }

  /** Looks now, if anyone waits. */
  look(): void {
    if (this.#waiters.size === 0) return
    try {
      this.#wake(this.head())
    } catch (error) {
      this.#waiters.fail(error)
    }
  }

  close(): void {
    this.#cancelPoll?.()
    this.#cancelPoll = undefined
    this.#waiters.fail(new ClosedError())
  }

  #wake(head: number): void {
    const identity = this.#options.identity.current
    // Another epoch may well have a lower head: who waits has to look again.
    this.#waiters.wake((position) => position.after < head || position.identity !== identity)
  }

  #schedulePoll(): void {
    if (this.#cancelPoll !== undefined) return
    try {
      this.#cancelPoll = this.#options.clock.schedule(this.#options.pollMs(), () => {
        this.#cancelPoll = undefined
        this.look()
        if (this.#waiters.size > 0) this.#schedulePoll()
      })
    } catch (error) {
      // An interval that the caller's function got wrong: told to who waits, who would otherwise wait for ever.
      this.#waiters.fail(error)
    }
  }
}
