import type { Clock, Found, Front, LogChange } from '@tidemark/core'
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
  #closed = false

  constructor(front: Front, events: TierEvents, clock: Clock) {
    this.#front = front
    this.#events = events
    this.#clock = clock
  }

  /** 0: every record may be believed. */
  get size(): number {
    return this.#unconfirmed.size + this.#distrustBelow
  }

  /** Whether the front's answer is older than what this process has committed. */
  isBehind(id: string, found: Found): boolean {
    const version = found.entry?.version ?? found.asOf
    return version < this.#distrustBelow || version < (this.#unconfirmed.get(id)?.seq ?? 0)
  }

  expect(changes: readonly LogChange[]): void {
    for (const change of changes) {
      const known = this.#unconfirmed.get(change.key.id)
      if (known === undefined || known.seq < change.seq) this.#unconfirmed.set(change.key.id, change)
    }
    if (this.#unconfirmed.size > MAX_KEYS) {
      this.#distrustBelow = changes.at(-1)?.seq ?? this.#distrustBelow
      this.#unconfirmed.clear()
    }
  }

  settle(changes: readonly LogChange[]): void {
    for (const change of changes) {
      if (this.#unconfirmed.get(change.key.id)?.seq === change.seq) this.#unconfirmed.delete(change.key.id)
    }
  }

  /** Starts to repair, if it is not under way. */
  begin(): void {
    if (this.#closed) return
    if (this.#cancel !== undefined) {
      this.#failedMeanwhile = true
      return
    }
    this.#cancel = this.#clock.schedule(this.#delayMs, () => void this.#attempt())
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
  }

  async #attempt(): Promise<void> {
    this.#failedMeanwhile = false
    const flushBelow = this.#distrustBelow
    const changes = [...this.#unconfirmed.values()].toSorted((a, b) => a.seq - b.seq)
    try {
      if (flushBelow > 0) {
        await this.#front.clear()
        if (this.#distrustBelow === flushBelow) this.#distrustBelow = 0
      }
      for (let i = 0; i < changes.length; i += BATCH) {
        const batch = changes.slice(i, i + BATCH)
        await this.#front.apply(batch, 'invalidate')
        this.settle(batch)
      }
      this.#delayMs = FIRST_RETRY_MS
      this.#cancel = undefined
      this.#events.emit({ type: 'front-repaired', tier: this.#front.name, keys: changes.length })
      if (this.#failedMeanwhile) this.begin()
    } catch (error) {
      if (this.#closed) return
      this.#events.emit({ type: 'front-failed', tier: this.#front.name, call: 'repair', error: asError(error) })
      this.#delayMs = Math.min(this.#delayMs * 2, LAST_RETRY_MS)
      this.#cancel = undefined
      this.begin()
    }
  }
}
