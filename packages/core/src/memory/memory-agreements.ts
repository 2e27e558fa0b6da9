import { type FrontAgreement, nextAgreement, NO_AGREEMENT } from '../ports/front-agreement.ts'

/** What is agreed about the shared fronts of a memory store. */
export class MemoryAgreements {
  #current: ReadonlyMap<string, FrontAgreement> = new Map()

  /** By the name of the front. Never changed, only replaced, so that a commit keeps what it has read. */
  get current(): ReadonlyMap<string, FrontAgreement> {
    return this.#current
  }

  of(front: string): FrontAgreement {
    return this.#current.get(front) ?? NO_AGREEMENT
  }

  /** @returns the agreement afterwards; see FrontAgreements.change */
  change(front: string, term: number, next: Partial<Omit<FrontAgreement, 'term'>>): FrontAgreement {
    const known = this.of(front)
    const changed = term === known.term ? nextAgreement(known, next) : known
    if (changed === known) return known
    this.#current = new Map(this.#current).set(front, changed)
    return changed
  }

  /** No epoch counts any more, and none that was read before can be agreed on. */
  startAnew(): void {
    this.#current = new Map(
      Array.from(this.#current, ([front, known]) => [
        front,
        Object.freeze({ ...known, epoch: '', term: known.term + 1 }),
      ]),
    )
  }
}
