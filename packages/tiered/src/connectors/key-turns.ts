/** A call that writes keys. */
interface Turn {
  /** What it writes comes before what is written from now on. */
  hasPlace: boolean
  readonly placed: Promise<void>
  readonly ended: Promise<void>
}

/** Lets calls that write one key take effect in the order in which they were asked for. */
export class KeyTurns {
  readonly #last = new Map<string, Turn>()

  /**
   * At once, where nobody before it is without a place; what `reads`, after they have ended.
   * @param task calls `place` when what it writes has its place
   */
  take<T>(ids: readonly string[], reads: boolean, task: (place: () => void) => Promise<T>): Promise<T> {
    const before = ids.flatMap((id) => this.#last.get(id) ?? [])
    const awaited = before.flatMap((turn) => (reads ? turn.ended : turn.hasPlace ? [] : turn.placed))
    const { promise: placed, resolve } = Promise.withResolvers<void>()
    const place = (): void => {
      turn.hasPlace = true
      resolve()
    }
    const start = Promise.withResolvers<Promise<T>>()
    const ended = Promise.allSettled([start.promise, ...before.map((turn) => turn.ended)]).then(() => {
      place()
      for (const id of ids) if (this.#last.get(id) === turn) this.#last.delete(id)
    })
    const turn: Turn = { hasPlace: false, placed, ended }
    for (const id of ids) this.#last.set(id, turn)
    const work = awaited.length === 0 ? task(place) : Promise.all(awaited).then(() => task(place))
    start.resolve(work)
    return work
  }

  /** Resolves when every call has ended that has begun before. */
  async ended(): Promise<void> {
    await Promise.all(Array.from(this.#last.values(), (turn) => turn.ended))
  }
}
