import type { Tidemark, TidemarkReader } from 'tidemark'

export interface FollowerStats {
  /** Changes since this instance started, of every instance. */
  readonly seen: number
  /** The seq of the last one. */
  readonly position: number
  /** Why following ended, when it did. */
  readonly failure: string | undefined
}

/** The instance's own subscription to the log: what an app would use to send mail, push updates, or rebuild an index. */
export class Follower {
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #seen = 0
  #position = 0
  #failure: string | undefined

  constructor(store: Tidemark | TidemarkReader) {
    this.#running = this.#run(store).catch((error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error)
    })
  }

  snapshot(): FollowerStats {
    return { seen: this.#seen, position: this.#position, failure: this.#failure }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(store: Tidemark | TidemarkReader): Promise<void> {
    for await (const { changes } of store.changes({ signal: this.#stop.signal })) {
      this.#seen += changes.length
      this.#position = changes.at(-1)?.seq ?? this.#position
    }
  }
}
