import { afterTurn } from '../batching/after-turn.ts'
import type { Clock } from '../clock.ts'
import { ClosedError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Leases } from '../ports/leases.ts'
import type { Log } from '../ports/log.ts'

/** How often the leases of all keys are asked for: one that is given back, or runs out, leaves no change in the log. */
const POLL_MS = 50
/** Changes per page of the log. */
const PAGE = 500

/** What is followed, and what is asked. */
export interface WatchedBack {
  readonly log: Pick<Log, 'head' | 'read' | 'wait'>
  readonly leases: Pick<Leases, 'remaining'>
}

/** A place among those who wait. */
export interface WaitedKey {
  /** Resolves when the key was written, or its lease may be had, after the place was taken. May resolve spuriously. */
  readonly woken: Promise<void>
  leave(): void
}

interface Waiter {
  readonly key: StoreKey
  readonly wake: () => void
}

/**
 * The keys that other processes load and this one waits for. One look at the log, and now and then one at the leases, tells
 * about all of them: who waits for a thousand keys asks no more often than who waits for one.
 */
export class WaitedKeys {
  static readonly #ofBacks = new WeakMap<object, WaitedKeys>()

  readonly #back: WatchedBack
  readonly #clock: Clock
  readonly #waiters = new Map<string, Set<Waiter>>()
  /** Resolves when the log is followed; undefined: nobody waits. */
  #following: Promise<void> | undefined

  static of(back: WatchedBack, clock: Clock): WaitedKeys {
    let waited = WaitedKeys.#ofBacks.get(back)
    if (waited === undefined) WaitedKeys.#ofBacks.set(back, (waited = new WaitedKeys(back, clock)))
    return waited
  }

  private constructor(back: WatchedBack, clock: Clock) {
    this.#back = back
    this.#clock = clock
  }

  /** Resolves when nothing that happens to the key is missed any more: what there is has to be looked at after that. */
  async enter(key: StoreKey): Promise<WaitedKey> {
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>()
    const waiter = { key, wake }
    const waiters = this.#waiters.get(key.id) ?? new Set()
    this.#waiters.set(key.id, waiters.add(waiter))
    const leave = (): void => {
      const remaining = this.#waiters.get(key.id)
      if (remaining?.delete(waiter) === true && remaining.size === 0) this.#waiters.delete(key.id)
    }
    try {
      await (this.#following ??= this.#follow())
    } catch (error) {
      leave()
      throw error
    }
    return { woken, leave }
  }

  async #follow(): Promise<void> {
    try {
      const head = await this.#back.log.head()
      void this.#run(head)
    } catch (error) {
      this.#following = undefined
      throw error
    }
  }

  /** Never rejects. */
  async #run(head: number): Promise<void> {
    const { log } = this.#back
    let at = head
    let tick = this.#clock.sleep(POLL_MS)
    try {
      while (this.#waiters.size > 0) {
        const stop = new AbortController()
        const isDue = await Promise.race([tick.then(() => true), log.wait(at, stop.signal).then(() => false)]).finally(
          () => stop.abort(),
        )
        at = await this.#readLog(at)
        if (!isDue) continue
        await this.#askForLeases()
        tick = this.#clock.sleep(POLL_MS)
      }
    } catch (error) {
      // Compacted, restored, or in trouble: everybody looks for himself, and comes back. Not at once, over and over.
      if (!(error instanceof ClosedError)) await this.#clock.sleep(POLL_MS)
    }
    this.#following = undefined
    for (const id of this.#waiters.keys()) this.#wake(id)
  }

  async #readLog(after: number): Promise<number> {
    const { log } = this.#back
    for (let at = after; ;) {
      const { changes, head } = await log.read({ after: at, limit: PAGE, values: false })
      for (const { key } of changes) this.#wake(key.id)
      at = changes.at(-1)?.seq ?? at
      if (changes.length === 0 || at >= head) return at
      await new Promise<void>(afterTurn)
    }
  }

  async #askForLeases(): Promise<void> {
    const keys = Array.from(this.#waiters.values(), ([first]) => first!.key)
    const remaining = await this.#back.leases.remaining(keys)
    for (const [i, { id }] of keys.entries()) if (remaining[i] === 0) this.#wake(id)
  }

  #wake(id: string): void {
    for (const { wake } of this.#waiters.get(id) ?? []) wake()
  }
}
