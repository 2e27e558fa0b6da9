import type { Fill } from '@tidemark/core'

/** What a front that is started anew may be filled with at once: more is left to those who read it next. */
const MAX_KEYS = 10_000
const MAX_BYTES: number = 8 * 1024 * 1024

/**
 * Fills for a shared front that is being started: the latest one of each key. Readers all go to the back tier meanwhile,
 * and what they bring from there need not be brought again. A fill that is late is judged as any other, by the head that
 * its answer is of: when the front has started past that, it is refused.
 */
export class KeptFills {
  #byKey = new Map<string, Fill>()
  #bytes = 0

  keep(fills: readonly Fill[]): void {
    for (const fill of fills) {
      const { id } = fill.key
      const known = this.#byKey.get(id)
      if (known !== undefined && known.asOf > fill.asOf) continue
      const bytes = this.#bytes + bytesOf(fill) - (known === undefined ? 0 : bytesOf(known))
      if (bytes > MAX_BYTES || (known === undefined && this.#byKey.size >= MAX_KEYS)) continue
      this.#byKey.set(id, fill)
      this.#bytes = bytes
    }
  }

  /** Hands them over, and keeps none. */
  take(): readonly Fill[] {
    const fills = [...this.#byKey.values()]
    this.clear()
    return fills
  }

  clear(): void {
    this.#byKey = new Map()
    this.#bytes = 0
  }
}

function bytesOf({ found: { entry } }: Fill): number {
  return (entry?.payload.byteLength ?? 0) + (entry?.meta?.byteLength ?? 0)
}
