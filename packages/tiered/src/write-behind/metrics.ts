/** How often something happened. */
export interface Counts {
  /** Values that were asked for. */
  readonly lookups: number
  /** Of those, how many had to be fetched from where they are persisted. */
  readonly reads: number
  /** Values that were written. */
  readonly writes: number
  /** Flushes; of a key, those that wrote it. */
  readonly flushes: number
}

export interface Metrics {
  readonly total: Counts
  /** By the readable form of the key; of the 10,000 that were met first. */
  readonly keys: ReadonlyMap<string, Counts>
}

/** So many keys are counted one by one. */
const MAX_KEYS = 10_000

type Counter = { -readonly [name in keyof Counts]: number }

export class MetricCounters {
  readonly #total: Counter = { lookups: 0, reads: 0, writes: 0, flushes: 0 }
  readonly #keys = new Map<string, Counter>()

  count(what: 'lookups' | 'reads' | 'writes', id: string): void {
    this.#total[what]++
    const counter = this.#of(id)
    if (counter !== undefined) counter[what]++
  }

  flushed(ids: Iterable<string>): void {
    this.#total.flushes++
    for (const id of ids) {
      const counter = this.#of(id)
      if (counter !== undefined) counter.flushes++
    }
  }

  snapshot(): Metrics {
    const keys = new Map(Array.from(this.#keys, ([id, counts]) => [id, { ...counts }]))
    return { total: { ...this.#total }, keys }
  }

  /** undefined: there are too many already. */
  #of(id: string): Counter | undefined {
    const known = this.#keys.get(id)
    if (known !== undefined || this.#keys.size === MAX_KEYS) return known
    const counter: Counter = { lookups: 0, reads: 0, writes: 0, flushes: 0 }
    this.#keys.set(id, counter)
    return counter
  }
}
