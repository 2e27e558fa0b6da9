import { afterTurn } from './after-turn.ts'

export interface BatcherOptions<I, O> {
  /** Serves one batch; answers in the order of the items. What it throws rejects every item of the batch. */
  readonly run: (items: readonly I[]) => Promise<readonly O[]>
  /** A fuller turn is split into several batches. */
  readonly maxItems: number
}

interface Waiting<O> {
  readonly resolve: (answer: O) => void
  readonly reject: (error: unknown) => void
}

/** Gathers what is asked for in one turn of the event loop and has it served together. Batches do not wait for one another. */
export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>
  #items: I[] = []
  #waiting: Waiting<O>[] = []

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options
  }

  add(item: I): Promise<O> {
    return new Promise((resolve, reject) => {
      if (this.#items.length === 0) afterTurn(() => this.#flush())
      this.#items.push(item)
      this.#waiting.push({ resolve, reject })
    })
  }

  #flush(): void {
    const items = this.#items
    const waiting = this.#waiting
    this.#items = []
    this.#waiting = []
    const { maxItems } = this.#options
    if (items.length <= maxItems) {
      void this.#serve(items, waiting)
      return
    }
    for (let from = 0; from < items.length; from += maxItems) {
      void this.#serve(items.slice(from, from + maxItems), waiting.slice(from, from + maxItems))
    }
  }

  async #serve(items: readonly I[], waiting: readonly Waiting<O>[]): Promise<void> {
    try {
      const answers = await this.#options.run(items)
      for (let i = 0; i < waiting.length; i++) waiting[i]?.resolve(answers[i] as O)
    } catch (error) {
      for (const waiter of waiting) waiter.reject(error)
    }
  }
}
