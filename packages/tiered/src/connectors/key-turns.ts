/** Lets what is done to one key happen one after the other, in the order in which it was asked for. */
export class KeyTurns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** At once, where nobody else has the key. */
  take<T>(ids: readonly string[], task: () => Promise<T>): Promise<T> {
    const before = ids.flatMap((id) => this.#last.get(id) ?? [])
    const turn = before.length === 0 ? task() : Promise.allSettled(before).then(task)
    const ended: Promise<void> = turn.then(
      () => this.#leave(ids, ended),
      () => this.#leave(ids, ended),
    )
    for (const id of ids) this.#last.set(id, ended)
    return turn
  }

  #leave(ids: readonly string[], ended: Promise<unknown>): void {
    for (const id of ids) if (this.#last.get(id) === ended) this.#last.delete(id)
  }
}
