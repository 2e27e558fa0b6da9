import { isWide } from '../wide/is-wide.ts'
import { isLocked, lock, lockDeep } from './lock.ts'

/**
 * The containers that were copied since the last state that anybody may hold: nobody else sees them, so later
 * transactions change them where they are. So a container is copied once for many transactions.
 */
export class Owned {
  readonly #containers = new Set<object>()
  #isAllPrivate: boolean
  #isAllGivenUp = false

  /** @param isAllPrivate nobody has seen any of the state yet: what is not locked may be changed where it is, until {@link lock} */
  constructor(isAllPrivate = false) {
    this.#isAllPrivate = isAllPrivate
  }

  has(container: object): boolean {
    return (this.#isAllPrivate || this.#containers.has(container)) && !isLocked(container)
  }

  add(container: object): void {
    this.#containers.add(container)
  }

  /** It is now in two places: a change in the one must not be seen in the other. */
  giveUp(value: unknown): void {
    if (typeof value !== 'object' || value === null || isLocked(value)) return
    if (!this.#containers.has(value)) {
      if (this.#isAllPrivate) lockDeep(value)
      return
    }
    // What of it is owned is not looked for among all that it holds: everything is let go of, when the transaction is over.
    if (isWide(value)) this.#isAllGivenUp = true
    else this.#giveUpContainer(value)
  }

  /** A transaction has come to its end: nothing is being written any more. */
  transactionEnded(): void {
    if (this.#isAllGivenUp) this.#lockContainers()
    this.#isAllGivenUp = false
  }

  /** The state is about to be seen by others. */
  lock(root: unknown): void {
    if (this.#isAllPrivate) lockDeep(root)
    this.#isAllPrivate = false
    this.#lockContainers()
  }

  #giveUpContainer(value: object): void {
    this.#containers.delete(value)
    if (value instanceof Map) for (const element of value.values()) this.giveUp(element)
    else for (const element of Object.values(value)) this.giveUp(element)
    lock(value)
  }

  #lockContainers(): void {
    for (const container of this.#containers) lock(container)
    this.#containers.clear()
  }
}
