/** One task after the other, in the order of the calls; one that fails does not keep the next from its turn. */
export class Turns {
  #last: Promise<void> | undefined

  /** The task begins at once when it has nobody to wait for. */
  take<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last === undefined ? task() : this.#last.then(task)
    const over: Promise<void> = turn.then(
      () => this.#end(over),
      () => this.#end(over),
    )
    this.#last = over
    return turn
  }

  /** Resolves when all that have been called are over. */
  async idle(): Promise<void> {
    await this.#last
  }

  #end(turn: Promise<void>): void {
    if (this.#last === turn) this.#last = undefined
  }
}
