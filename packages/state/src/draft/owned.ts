import { lock, lockDeep } from './lock.ts'

/**
 * The containers that were copied since the last state that anybody may hold: nobody else sees them, so later
 * transactions change them where they are. So a container is copied once for many transactions.
 */
export class Owned {
  readonly #containers = new Set<object>()
  #isAllPrivate: boolean

  /** @param isAllPrivate nobody has seen any of the state yet: what is not locked may be changed where it is, until {@link lock} */
  constructor(isAllPrivate = false) {
    this.#isAllPrivate = isAllPrivate
  }

  has(container: object): boolean {
    return this.#containers.has(container) || (this.#isAllPrivate && !Object.isFrozen(container))
  }

  add(container: object): void {
    this.#containers.add(container)
  }

  /** It is now in two places: a change in the one must not be seen in the other. */
  giveUp(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    if (this.#isAllPrivate) return lockDeep(value)
    if (!this.#containers.delete(value)) return
    if (value instanceof Map) for (const element of value.values()) this.giveUp(element)
    else for (const element of Object.values(value)) this.giveUp(element)
    lock(value)
  }

  /** The state is about to be seen by others. */
  lock(root: unknown): void {
    if (this.#isAllPrivate) lockDeep(root)
    else for (const container of this.#containers) lock(container)
    this.#isAllPrivate = false
    this.#containers.clear()
  }
}
