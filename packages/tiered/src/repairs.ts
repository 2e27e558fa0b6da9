import type { Clock, Front, LogChange } from '@tidemark/core'
import { asError, type TierEvents } from './tier-events.ts'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** Above this many keys the front is flushed as a whole once it answers again. */
const MAX_KEYS = 100_000
/** Changes per repairing call. */
const BATCH = 500

/**
 * The commits of this process that a front has not confirmed. Until it has, an older record of such a key is not
 * believed, and the change is applied again, as an invalidation, until the front takes it. (A process that dies takes
 * this list with it: only the log repairs what it left behind.)
 */
export class Repairs {
  readonly #front: Front
  readonly #events: TierEvents
  readonly #clock: Clock
  readonly #unconfirmed = new Map<string, LogChange>()
  /** Nothing below this version is believed; set when there was more to remember than fits. */
  #distrustBelow = 0
  #cancel: (() => void) | undefined
  #failedMeanwhile = false
  #delayMs = FIRST_RETRY_MS
  #attempting: Promise<void> = Promise.resolve()
  #closed = false

  constructor(front: Front, events: TierEvents, clock: Clock) {
    this.#front = front
    this.#events = events
    this.#clock = clock
  }

  /** Every record may be believed. */
  get isEmpty(): boolean {
    return this.#unconfirmed.size === 0 && this.#distrustBelow === 0
  }

  /** The version that an answer of the front must have at least; 0: any. */
  requiredVersion(id: string): number {
    return Math.max(this.#distrustBelow, this.#unconfirmed.get(id)?.seq ?? 0)
  }

  /** These changes are on their way to the front. */
  expect(changes: readonly LogChange[]): void {
    for (const change of changes) {
      const known = this.#unconfirmed.get(change.key.id)
      if (known === undefined || known.seq < change.seq) this.#unconfirmed.set(change.key.id, change)
    }
  }

  /** The front has taken them. */
  settle(changes: readonly LogChange[]): void {
    for (const change of changes) {
      if (this.#unconfirmed.get(change.key.id)?.seq === change.seq) this.#unconfirmed.delete(change.key.id)
    }
  }

  /** The front has not, as far as is known: starts to repair, if that is not under way. */
  begin(): void {
    // Here and not when they set out: a large commit that the front takes must not make the rest of it unbelievable.
    if (this.#unconfirmed.size > MAX_KEYS) {
      for (const { seq } of this.#unconfirmed.values()) if (seq > this.#distrustBelow) this.#distrustBelow = seq
      this.#unconfirmed.clear()
    }
    if (this.#closed) return
    if (this.#cancel !== undefined) {
      this.#failedMeanwhile = true
      return
    }
    this.#cancel = this.#clock.schedule(this.#delayMs, () => {
      this.#attempting = this.#attempt()
    })
  }

  /** Tries a last time where something is left: nobody else knows of it. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#attempting
    if (!this.isEmpty) await this.#attempt()
  }

  async #attempt(): Promise<void> {
    this.#failedMeanwhile = false
    try {
      const keys = await this.#repair()
      this.#delayMs = FIRST_RETRY_MS
      this.#cancel = undefined
      this.#events.emit({ type: 'front-repaired', tier: this.#front.name, keys })
      if (this.#failedMeanwhile) this.begin()
    } catch (error) {
      this.#events.emit({ type: 'front-failed', tier: this.#front.name, call: 'repair', error: asError(error) })
      this.#delayMs = Math.min(this.#delayMs * 2, LAST_RETRY_MS)
      this.#cancel = undefined
      this.begin()
    }
  }

  /** @returns how many keys the front was told about */
  async #repair(): Promise<number> {
    const flushBelow = this.#distrustBelow
    const changes = [...this.#unconfirmed.values()].toSorted((a, b) => a.seq - b.seq)
    if (flushBelow > 0) {
      await this.#front.clear()
      if (this.#distrustBelow === flushBelow) this.#distrustBelow = 0
    }
    for (let i = 0; i < changes.length; i += BATCH) {
      const batch = changes.slice(i, i + BATCH)
      await this.#front.apply(batch, 'invalidate')
      this.settle(batch)
    }
    return changes.length
  }
}
