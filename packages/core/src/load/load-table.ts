import type { Clock } from '../clock.ts'
import type { Landing, LEFT } from './landing.ts'

/** How long after a failed refresh in the background no hit starts another one. */
const PAUSE_MS = 1_000

/** A load under way. */
export interface RunningLoad {
  /** Rejects with what the loader threw, or with an error of the store. LEFT before it has ended: look again. */
  readonly landed: Promise<Landing | typeof LEFT>
  /** Somebody waits, and takes what comes, the error included. The returned function ends it. */
  wait(): () => void
  /** The error reaches no caller: it goes where such errors go, once. */
  report(error: unknown): void
  close(): Promise<void>
}

/** The loads under way above one back tier, one per key, shared by every store that was made over it. */
export class LoadTable {
  static readonly #tables = new WeakMap<object, LoadTable>()

  readonly #current = new Map<string, RunningLoad>()
  /** Also those that nobody joins any more. */
  readonly #running = new Set<RunningLoad>()
  readonly #paused = new Set<string>()
  #ticks = 0

  static of(back: object): LoadTable {
    const known = LoadTable.#tables.get(back)
    if (known !== undefined) return known
    const table = new LoadTable()
    LoadTable.#tables.set(back, table)
    return table
  }

  /** Moments in this process, in order: each is later than every one before. */
  tick(): number {
    return ++this.#ticks
  }

  /** Which load of the key is to be waited for. */
  current(id: string): RunningLoad | undefined {
    return this.#current.get(id)
  }

  add(id: string, flight: RunningLoad): void {
    this.#current.set(id, flight)
    this.#running.add(flight)
  }

  /** Whoever comes from now on starts a load of its own. */
  forget(id: string, flight: RunningLoad): void {
    if (this.#current.get(id) === flight) this.#current.delete(id)
  }

  remove(id: string, flight: RunningLoad): void {
    this.forget(id, flight)
    this.#running.delete(flight)
  }

  pause(id: string, clock: Clock): void {
    this.#paused.add(id)
    clock.schedule(PAUSE_MS, () => this.#paused.delete(id))
  }

  isPaused(id: string): boolean {
    return this.#paused.has(id)
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Ends every load: whoever waits gets a ClosedError, and the leases are released. Resolves when that is done. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#running, (flight) => flight.close()))
  }
}
