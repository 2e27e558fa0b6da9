import type { Back, Fill, FrontOutcome, FrontSession, LogChange, SharedFront, StoreKey } from '@tidemark/core'

/** What a front that is started anew may be filled with at once: more is left to those who read it next. */
const MAX_KEYS = 10_000
const MAX_BYTES: number = 8 * 1024 * 1024
/** Keys of one read. */
const PAGE = 100

export interface KeptWritesOptions {
  readonly front: Pick<SharedFront, 'session'>
  readonly back: Pick<Back, 'log' | 'read'>
  /** undefined: the front failed. Never rejects. */
  readonly fill: (fills: readonly Fill[]) => Promise<number | undefined>
}

/**
 * Keys that were written while a shared front was being started, or was going to be. It took the writes, and does not hold
 * them afterwards; and who would read them from below, and so fill it, need not come: a reader without the file cannot. So
 * they are filled in once it is ready. Read again for that: the start is of a later position than most of the writes, and
 * a fill that is not would be refused.
 */
export class KeptWrites {
  readonly #options: KeptWritesOptions
  #byId = new Map<string, StoreKey>()
  /** The epoch of the log when the front's became known: where it is another one, the front is going to be started anew. */
  #logEpoch = 0
  readonly #refills = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: KeptWritesOptions) {
    this.#options = options
  }

  onSession(session: FrontSession | undefined): void {
    if (session === undefined) return this.#byId.clear()
    if (session.epoch === undefined) return
    this.#logEpoch = this.#options.back.log.identity.epoch
    this.#refill(session)
  }

  /**
   * What a front did with changes that it was to install.
   * @param before the front's epoch when it was asked
   */
  note(changes: readonly LogChange[], outcomes: readonly FrontOutcome[], before: string | undefined): void {
    const { front, back } = this.#options
    const { session } = front
    if (session === undefined) return
    const isOutdated = back.log.identity.epoch !== this.#logEpoch
    const isReplaced = isOutdated || (before !== undefined && session.epoch !== before)
    // Ready all the while: what it does not hold is too large, say.
    if (!isReplaced && before !== undefined) return
    for (const [i, { key, payload }] of changes.entries())
      if (payload !== undefined && (isReplaced || outcomes[i] === 'removed')) this.#keep(key)
    if (session.epoch !== undefined && !isOutdated) this.#refill(session)
  }

  /** Resolves when nothing is being filled in any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#refills)
  }

  #keep(key: StoreKey): void {
    if (this.#byId.size < MAX_KEYS) this.#byId.set(key.id, key)
  }

  #refill(session: FrontSession): void {
    if (this.#byId.size === 0) return
    const keys = [...this.#byId.values()]
    this.#byId = new Map()
    // Nobody has failed when this fails: then it is filled when it is read.
    const refill = this.#fill(keys, session).catch(() => undefined)
    this.#refills.add(refill)
    void refill.then(() => this.#refills.delete(refill))
  }

  async #fill(keys: readonly StoreKey[], session: FrontSession): Promise<void> {
    const { front, back, fill } = this.#options
    let bytes = 0
    for (let at = 0; at < keys.length && bytes < MAX_BYTES; at += PAGE) {
      const page = keys.slice(at, at + PAGE)
      const answers = await back.read(page)
      if (this.#isClosed || front.session !== session) return
      const fills = page.flatMap((key, i): Fill[] => {
        const found = answers[i]!
        return found.entry === undefined ? [] : [{ key, found, asOf: found.asOf }]
      })
      for (const { found } of fills) bytes += found.entry!.payload.byteLength + (found.entry!.meta?.byteLength ?? 0)
      if ((await fill(fills)) === undefined) return
    }
  }
}
