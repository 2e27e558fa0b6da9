import { type FrontAgreement, NO_AGREEMENT } from '../ports/front-agreement.ts'

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
    const { epoch = known.epoch, server = known.server, suspended = known.suspended } = next
    const maxStaleMs = Math.max(known.maxStaleMs, next.maxStaleMs ?? 0)
    const isSame =
      epoch === known.epoch &&
      server === known.server &&
      suspended === known.suspended &&
      maxStaleMs === known.maxStaleMs
    if (term !== known.term || isSame) return known
    const changed = Object.freeze({ epoch, server, term: term + 1, suspended, maxStaleMs })
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
