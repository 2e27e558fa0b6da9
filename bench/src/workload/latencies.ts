import { createHistogram } from 'node:perf_hooks'
import type { Notes } from '../runner/case.ts'

const MICROS_PER_MS = 1_000

/** How long single operations take. */
export class Latencies {
  readonly #micros = createHistogram()

  /** Does one operation. */
  async of<T>(operation: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const result = await operation()
    this.#micros.record(Math.max(1, Math.round((performance.now() - startedAt) * MICROS_PER_MS)))
    return result
  }

  /** What was before this does not count. */
  restart(): void {
    this.#micros.reset()
  }

  /** In milliseconds. */
  notes(): Notes {
    const { count, max } = this.#micros
    return { p99: this.#micros.percentile(99) / MICROS_PER_MS, longest: max / MICROS_PER_MS, 'of so many reads': count }
  }
}
