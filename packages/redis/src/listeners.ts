/** Whoever wants to hear of something. One that throws neither stops the others nor reaches who told it. */
export class Listeners<T> {
  readonly #listeners = new Set<(event: T) => void>()

  add(listener: (event: T) => void): () => void {
    // A wrapper of its own, so that adding one twice and removing it once leaves one.
    const entry = (event: T): void => listener(event)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  emit(event: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch {
        // Its own business.
      }
    }
  }
}
