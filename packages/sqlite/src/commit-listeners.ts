import type { Commit, CommitListener } from '@tidemark/core'

/** Tells listeners what was committed. One that throws disturbs neither the others nor the writers. */
export class CommitListeners {
  readonly #onError: (error: unknown) => void
  /** Wrapped, so that the same function may listen twice. */
  #listeners: readonly { readonly listener: CommitListener }[] = []

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  add(listener: CommitListener): () => void {
    const added = { listener }
    this.#listeners = [...this.#listeners, added]
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== added)
    }
  }

  emit(commits: readonly Commit[]): void {
    for (const { listener } of this.#listeners) {
      try {
        listener(commits)
      } catch (error) {
        // Later, so that an error handler that throws cannot get between the commit and its writers either.
        queueMicrotask(() => this.#onError(error))
      }
    }
  }
}
