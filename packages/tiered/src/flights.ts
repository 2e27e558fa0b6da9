import type { Found, LogChange, StoreKey } from '@tidemark/core'

/** How to get the answer for one key from a read that is under way. */
type Join = () => Promise<Found>

/**
 * Single-flight: the reads under way, one per key, shared by every view of the store. A reader joins a flight only while
 * nothing is known to have changed since it began: what it brings may be older than a write acknowledged after that.
 */
export class Flights {
  readonly #byKey = new Map<string, Join>()

  /** The answer that is under way for the key. */
  join(id: string): Promise<Found> | undefined {
    return this.#byKey.get(id)?.()
  }

  /** From now until it has landed, this read may be joined. */
  startOne({ id }: StoreKey, answer: Promise<Found>): void {
    const join = (): Promise<Found> => answer
    this.#byKey.set(id, join)
    const land = (): void => this.#end(id, join)
    answer.then(land, land)
  }

  /** As {@link startOne}, for a read of several keys; answers in the order of the keys. */
  startMany(keys: readonly StoreKey[], answers: Promise<readonly Found[]>): void {
    const joins = keys.map(({ id }, i) => {
      const join = (): Promise<Found> => answers.then((found) => found[i]!)
      this.#byKey.set(id, join)
      return join
    })
    const land = (): void => joins.forEach((join, i) => this.#end(keys[i]!.id, join))
    answers.then(land, land)
  }

  forget(changes: readonly LogChange[]): void {
    if (this.#byKey.size === 0) return
    for (const change of changes) this.#byKey.delete(change.key.id)
  }

  clear(): void {
    this.#byKey.clear()
  }

  /** The flight has landed. One that was replaced meanwhile is left alone. */
  #end(id: string, join: Join): void {
    if (this.#byKey.get(id) === join) this.#byKey.delete(id)
  }
}
