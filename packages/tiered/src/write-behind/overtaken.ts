import { type Back, TidemarkError } from '@tidemark/core'
import type { Dirty } from './batch.ts'

/** Changes per page of the log. */
const PAGE = 1_000
/** What was there is compacted away, or the log is another one. */
const UNREADABLE: readonly unknown[] = ['LOG_COMPACTED', 'LOG_AHEAD']

export interface OvertakenOptions {
  readonly back: Pick<Back, 'log' | 'origin'>
  /** Whether a write of the key waits to be flushed. */
  readonly isDirty: (id: string) => boolean
  /** Whether none waits at all. */
  readonly isIdle: () => boolean
}

interface Lapse {
  /** What was acknowledged under this lease, or an earlier one, came before the end of it. */
  readonly token: number
  /** What others have written; undefined: nobody can tell any more what they have not. */
  readonly ids: ReadonlySet<string> | undefined
}

/** A write lay in memory alone, for longer than anybody could know of it, and others have written the same key meanwhile. */
export class OvertakenError extends TidemarkError {
  constructor() {
    const message = 'the process was stopped for longer than its lease, and others have written the same meanwhile'
    super('LEASE_LOST', message)
  }
}

/**
 * Which writes of a process, that lie in its memory alone, would undo what others have written while its lease had run out. As
 * long as it is held, what others write meanwhile comes before them; afterwards a write that nobody else has touched is as good
 * as it was.
 */
export class Overtaken<D extends Dirty> {
  readonly #options: OvertakenOptions
  readonly #acknowledged = new WeakMap<D, number>()
  #lapses: Lapse[] = []

  constructor(options: OvertakenOptions) {
    this.#options = options
  }

  /** These are acknowledged while the lease with this token is held, as far as anybody knows. */
  acknowledge(writes: readonly D[], token: number): void {
    for (const write of writes) this.#acknowledged.set(write, token)
  }

  /**
   * A lease had run out, and another one is about to be held. What others wrote right before it ran out counts as written
   * after: when exactly that was, nobody knows.
   * @param head of the log when it was certainly held
   */
  async lapsed(token: number, head: number): Promise<void> {
    if (this.#options.isIdle()) {
      this.#lapses = []
      return
    }
    const ids = await this.#writtenSince(head)
    if (ids?.size !== 0) this.#lapses.push({ token, ids })
  }

  has(write: D): boolean {
    const token = this.#acknowledged.get(write) ?? Infinity
    return this.#lapses.some((lapse) => token <= lapse.token && lapse.ids?.has(write.id) !== false)
  }

  async #writtenSince(head: number): Promise<ReadonlySet<string> | undefined> {
    const { log, origin } = this.#options.back
    const ids = new Set<string>()
    try {
      for (let after = head; ;) {
        const page = await log.read({ after, limit: PAGE, values: false })
        for (const change of page.changes)
          if (change.origin !== origin && this.#options.isDirty(change.key.id)) ids.add(change.key.id)
        if (page.changes.length === 0) return ids
        after = page.changes.at(-1)!.seq
      }
    } catch (error) {
      if (error instanceof TidemarkError && UNREADABLE.includes(error.code)) return undefined
      throw error
    }
  }
}
