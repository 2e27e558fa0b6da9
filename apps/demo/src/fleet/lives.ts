import type { InstanceStats } from '../instance/routes/health.ts'

/** One process of an instance, as it told of itself: each begins to count anew. */
export interface Life<Stats = InstanceStats> {
  /** What it said when the load began; undefined: it began later. */
  readonly before: Stats | undefined
  /** What it said last. */
  readonly now: Stats
}

/** What an instance has told of itself, in all its lives. */
export class Lives {
  #ended: readonly Life[] = []
  #current: Life | undefined

  heard(stats: InstanceStats): void {
    const current = this.#current
    const isAnother = current !== undefined && current.now.pid !== stats.pid
    if (isAnother) this.#ended = [...this.#ended, current]
    this.#current = { before: isAnother ? undefined : current?.before, now: stats }
  }

  /** The load begins: what was until now does not count. */
  start(): void {
    this.#ended = []
    if (this.#current !== undefined) this.#current = { before: this.#current.now, now: this.#current.now }
  }

  get current(): Life | undefined {
    return this.#current
  }

  get all(): readonly Life[] {
    return this.#current === undefined ? this.#ended : [...this.#ended, this.#current]
  }

  /** Since the load began. */
  sum(of: (stats: InstanceStats) => number): number {
    return this.all.reduce((sum, { before, now }) => sum + of(now) - (before === undefined ? 0 : of(before)), 0)
  }
}
