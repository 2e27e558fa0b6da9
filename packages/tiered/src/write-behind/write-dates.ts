import type { Clock, Log } from '@tidemark/core'

export interface WriteDatesOptions {
  readonly log: Pick<Log, 'head' | 'read' | 'sync'>
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Dates of writes that are acknowledged and not committed yet. As those of commits they never decrease, whatever the wall clock
 * does: not below what this process has acknowledged, nor below what anybody has committed.
 */
export class WriteDates {
  readonly #options: WriteDatesOptions
  #latest = 0
  #head = 0

  constructor(options: WriteDatesOptions) {
    this.#options = options
  }

  /** In wall-clock milliseconds; not below what {@link look} has found. */
  now(): number {
    this.#latest = Math.max(this.#latest, Math.floor(this.#options.clock.now()))
    return this.#latest
  }

  /**
   * Looks at what was committed last, where that is another change than before. Returns without a promise where it can. Never
   * fails: what is compacted, or cannot be read just now, has no date that anybody here could compare with.
   */
  look(): void | Promise<void> {
    const { sync } = this.#options.log
    return sync === undefined ? this.#lookFar().catch(() => undefined) : this.#lookNear(sync)
  }

  #lookNear(sync: NonNullable<Log['sync']>): void {
    try {
      const head = sync.head()
      if (head === this.#head) return
      this.#head = head
      this.#note(sync.read({ after: head - 1, limit: 1, values: false }))
    } catch {}
  }

  async #lookFar(): Promise<void> {
    const { log } = this.#options
    const head = await log.head()
    if (head === this.#head) return
    this.#head = head
    this.#note(await log.read({ after: head - 1, limit: 1, values: false }))
  }

  #note({ changes }: Awaited<ReturnType<Log['read']>>): void {
    for (const { at } of changes) this.#latest = Math.max(this.#latest, at)
  }
}
