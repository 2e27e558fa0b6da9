import { type Back, type LogChange, tagOfKey, TidemarkError } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import { writtenSince } from './written-since.ts'

export interface OvertakenOptions<D extends Dirty> {
  readonly back: Pick<Back, 'log' | 'origin'>
  /** Whether a write of the key waits to be flushed. */
  readonly isDirty: (id: string) => boolean
  /** Whether none waits at all. */
  readonly isIdle: () => boolean
  /** What it is about: its key, and those of its tags. */
  readonly idsOf: (write: D) => readonly string[]
}

interface Lapse {
  /** What was acknowledged under this lease, or an earlier one, came before the end of it. */
  readonly token: number
  /** What others have written; undefined: nobody can tell any more what they have not. */
  readonly ids: ReadonlySet<string> | undefined
}

/** Nobody could know of a write for longer than its lease, and others have written the same meanwhile. */
export class OvertakenError extends TidemarkError {
  /** @param why nobody could */
  constructor(why: string) {
    super('LEASE_LOST', `${why}, and others have written the same meanwhile`)
  }
}

/**
 * Which writes of a process, that lie in its memory alone, would undo what others have written while its lease had run out. As
 * long as it is held, what others write meanwhile comes before them; afterwards a write that nobody else has touched is as good
 * as it was.
 */
export class Overtaken<D extends Dirty> {
  readonly #options: OvertakenOptions<D>
  readonly #acknowledged = new WeakMap<D, number>()
  #lapses: Lapse[] = []

  constructor(options: OvertakenOptions<D>) {
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
    const { back, isDirty } = this.#options
    const isMeant = ({ key, origin }: LogChange): boolean =>
      origin !== back.origin && (isDirty(key.id) || tagOfKey(key) !== undefined)
    const since = await writtenSince(back.log, head, isMeant)
    const ids = since?.ids
    if (ids?.size !== 0) this.#lapses.push({ token, ids })
  }

  has(write: D): boolean {
    const token = this.#acknowledged.get(write) ?? Infinity
    const lapses = this.#lapses.filter((lapse) => token <= lapse.token)
    if (lapses.length === 0) return false
    const ids = this.#options.idsOf(write)
    return lapses.some((lapse) => lapse.ids === undefined || ids.some((id) => lapse.ids!.has(id)))
  }
}
