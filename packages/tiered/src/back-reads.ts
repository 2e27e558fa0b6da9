import type { Found, StoreKey } from '@tidemark/core'

interface BackRead {
  readonly number: number
  readonly answer: () => Promise<Found>
}

/**
 * Single-flight past the shared fronts: the reads of the back tier whose answers are on their way into the fronts, the
 * latest one per key. A reader may take such an answer when it began before the back tier was asked: the snapshot is
 * younger than the reader, so it misses nothing that was acknowledged before the reader began.
 */
export class BackReads {
  readonly #byKey = new Map<string, BackRead>()
  #number = 0

  /** Taken by a reader when it begins. */
  get latest(): number {
    return this.#number
  }

  /** The answer of a read of this key that was asked for after `began`. */
  join(id: string, began: number): Promise<Found> | undefined {
    const read = this.#byKey.get(id)
    return read !== undefined && read.number > began ? read.answer() : undefined
  }

  /** Asks the back tier. May be joined until the returned function is called. */
  start(
    keys: readonly StoreKey[],
    ask: () => Promise<readonly Found[]>,
  ): readonly [Promise<readonly Found[]>, () => void] {
    // Before it is asked: a reader that begins from now on has to look for itself.
    const number = ++this.#number
    const answers = ask()
    const reads = keys.map(({ id }, i): BackRead => {
      const read = { number, answer: () => answers.then((found) => found[i]!) }
      this.#byKey.set(id, read)
      return read
    })
    return [
      answers,
      () => {
        for (const [i, { id }] of keys.entries()) if (this.#byKey.get(id) === reads[i]) this.#byKey.delete(id)
      },
    ]
  }
}
