/** What is told of a distribution, in milliseconds; all 0 when nothing was recorded. */
export interface Summary {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Milliseconds, and how often: ascending. */
export type Buckets = readonly (readonly [ms: number, count: number])[]

/** Up to here every millisecond counts by itself; above, two digits do. */
const EXACT_MS = 100

/**
 * How long things took, as counts that can be sent to another process and added up there: percentiles of several
 * processes cannot, and Node's histograms know no 0 and do not show their buckets. Rounds up, so that nothing looks
 * shorter than it was.
 */
export class Distribution {
  readonly #counts = new Map<number, number>()
  #count = 0
  #max = 0

  record(ms: number): void {
    this.#add(bucketOf(ms), 1)
    this.#max = Math.max(this.#max, ms)
  }

  /** Adds what another one has counted. */
  add({ buckets, max }: { readonly buckets: Buckets; readonly max: number }): void {
    for (const [ms, count] of buckets) this.#add(ms, count)
    this.#max = Math.max(this.#max, max)
  }

  summary(): Summary {
    return { count: this.#count, p50: this.#percentile(50), p99: this.#percentile(99), max: this.#max }
  }

  buckets(): Buckets {
    return [...this.#counts].toSorted(([a], [b]) => a - b)
  }

  #add(bucket: number, count: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count)
    this.#count += count
  }

  #percentile(percent: number): number {
    let left = Math.ceil((this.#count * percent) / 100)
    for (const [ms, count] of this.buckets()) {
      left -= count
      // Rounded up, the bucket may lie above everything that is in it.
      if (left <= 0) return Math.min(ms, this.#max)
    }
    return 0
  }
}

function bucketOf(ms: number): number {
  if (ms <= EXACT_MS) return Math.ceil(ms)
  const step = 10 ** (Math.floor(Math.log10(ms)) - 1)
  return Math.ceil(ms / step) * step
}
