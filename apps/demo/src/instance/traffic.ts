import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

export interface TrafficStats {
  readonly requests: number
  /** By class of the status: "2xx", "3xx", "4xx", "5xx". */
  readonly statuses: Readonly<Record<string, number>>
  readonly latencyMs: { readonly p50: number; readonly p99: number }
}

/** Counts and times what this instance answers. */
export class Traffic {
  readonly #micros: RecordableHistogram = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 })
  readonly #statuses: Record<string, number> = {}

  answered(status: number, elapsedMs: number): void {
    const kind = `${Math.trunc(status / 100)}xx`
    this.#statuses[kind] = (this.#statuses[kind] ?? 0) + 1
    this.#micros.record(Math.max(1, Math.round(elapsedMs * 1000)))
  }

  snapshot(): TrafficStats {
    return {
      requests: this.#micros.count,
      statuses: { ...this.#statuses },
      latencyMs: { p50: this.#micros.percentile(50) / 1000, p99: this.#micros.percentile(99) / 1000 },
    }
  }
}
