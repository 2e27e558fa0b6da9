/** Calls that were stopped on their way. */
export interface Hold {
  /** Resolves when this many calls have been stopped. */
  arrived(count?: number): Promise<void>
  /** Lets everything through: what was stopped, in the order in which it came, and what comes. */
  release(): void
}

export class Gate implements Hold {
  #isOpen = false
  #stopped: (() => void)[] = []
  #count = 0
  #watchers: { readonly count: number; readonly resolve: () => void }[] = []

  pass(): Promise<void> {
    if (this.#isOpen) return Promise.resolve()
    this.#count++
    for (const { count, resolve } of this.#watchers) if (count <= this.#count) resolve()
    return new Promise((resolve) => this.#stopped.push(resolve))
  }

  arrived(count = 1): Promise<void> {
    if (this.#count >= count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  release(): void {
    this.#isOpen = true
    for (const go of this.#stopped) go()
    this.#stopped = []
  }
}
