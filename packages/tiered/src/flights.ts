import type { Found, LogChange } from '@tidemark/core'

/**
 * Single-flight: the reads under way, one per key, shared by every view of the store. A reader joins a flight only while
 * nothing is known to have changed since it began: what it brings may be older than a write acknowledged after that.
 */
export class Flights {
  readonly #byKey = new Map<string, Promise<Found>>()

  get(id: string): Promise<Found> | undefined {
    return this.#byKey.get(id)
  }

  start(id: string, flight: Promise<Found>): Promise<Found> {
    this.#byKey.set(id, flight)
    return flight
  }

  /** The flight has landed. One that was replaced meanwhile is left alone. */
  end(id: string, flight: Promise<Found>): void {
    if (this.#byKey.get(id) === flight) this.#byKey.delete(id)
  }

  /** Nobody joins this key's flight any more. */
  drop(id: string): void {
    this.#byKey.delete(id)
  }

  forget(changes: readonly LogChange[]): void {
    if (this.#byKey.size === 0) return
    for (const change of changes) this.#byKey.delete(change.key.id)
  }

  clear(): void {
    this.#byKey.clear()
  }
}
