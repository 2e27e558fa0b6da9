import { afterTurn } from './after-turn.ts'

/** So many full batches leave before the turn ends; what they bring may ask for more at once, for ever, and no turn would end. */
const MAX_EARLY = 8

export interface BatcherOptions<I, O> {
  /** Serves one batch; answers in the order of the items. What it throws rejects every item of the batch. */
  readonly run: (items: readonly I[]) => Promise<readonly O[]>
  /** A batch that has become so large leaves at once, but for the last one of a turn that fills many: that may be larger. */
  readonly maxItems: number
  /** Items with the same identity share one place in a batch. @default none do */
  readonly identityOf?: ((item: I) => string) | undefined
}

/**
 * Gathers what is asked for in one turn of the event loop and has it served together. Batches do not wait for one
 * another: while a server works on the one, the answers of the other are taken in.
 */
export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>
  #open: Batch<I, O> | undefined
  #early = 0

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options
  }

  add(item: I): Promise<O> {
    const batch = (this.#open ??= this.#begin())
    const { identityOf, maxItems } = this.#options
    const place = batch.place(item, identityOf?.(item))
    // Before it may leave: what is served at once must find everybody who waits.
    const answer = batch.answers.then((answers) => answers[place] as O)
    if (batch.items.length === maxItems && this.#early < MAX_EARLY) {
      this.#early++
      this.#send(batch)
    }
    return answer
  }

  #begin(): Batch<I, O> {
    const batch = new Batch<I, O>()
    afterTurn(() => {
      this.#early = 0
      if (this.#open === batch) this.#send(batch)
    })
    return batch
  }

  #send(batch: Batch<I, O>): void {
    this.#open = undefined
    batch.settle(this.#options.run)
  }
}

class Batch<I, O> {
  readonly items: I[] = []
  readonly answers: Promise<readonly O[]>
  readonly #places = new Map<string, number>()
  #resolve!: (answers: Promise<readonly O[]>) => void

  constructor() {
    this.answers = new Promise((resolve) => (this.#resolve = resolve))
  }

  place(item: I, identity: string | undefined): number {
    if (identity === undefined) return this.items.push(item) - 1
    const known = this.#places.get(identity)
    if (known !== undefined) return known
    const place = this.items.push(item) - 1
    this.#places.set(identity, place)
    return place
  }

  settle(run: (items: readonly I[]) => Promise<readonly O[]>): void {
    this.#resolve(run(this.items))
  }
}
