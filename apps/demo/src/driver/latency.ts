import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

const LIMITS = { lowest: 1, highest: 60_000_000, figures: 3 }

/** Latencies as a client sees them, in all and of late. */
export class Latency {
  readonly total: RecordableHistogram = createHistogram(LIMITS)
  /** Of the writes among them: each waits for the disk. */
  readonly writes: RecordableHistogram = createHistogram(LIMITS)
  readonly #recent: RecordableHistogram = createHistogram(LIMITS)

  record(ms: number, isWrite: boolean): void {
    const micros = Math.max(1, Math.round(ms * 1000))
    this.total.record(micros)
    if (isWrite) this.writes.record(micros)
    this.#recent.record(micros)
  }

  /** Of what was recorded since the last call. */
  takeRecent(): { readonly count: number; readonly p50: number; readonly p99: number } {
    const { count } = this.#recent
    const taken = { count, ...percentiles(this.#recent) }
    this.#recent.reset()
    return taken
  }
}

/** In milliseconds; 0 when nothing was recorded. */
export function percentiles(histogram: RecordableHistogram): { readonly p50: number; readonly p99: number } {
  if (histogram.count === 0) return { p50: 0, p99: 0 }
  return { p50: histogram.percentile(50) / 1000, p99: histogram.percentile(99) / 1000 }
}

/** Of several histograms together, in milliseconds. */
export function mergedPercentiles(histograms: readonly RecordableHistogram[]): {
  readonly count: number
  readonly p50: number
  readonly p99: number
} {
  const merged = createHistogram(LIMITS)
  for (const histogram of histograms) if (histogram.count > 0) merged.add(histogram)
  return { count: merged.count, ...percentiles(merged) }
}
