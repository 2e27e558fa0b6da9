import type { Compaction, Log } from '@tidemark/core'
import type { LogHolder, ResolvedCompactorOptions } from './compactor-options.ts'
import { LogSegments } from './log-segments.ts'

/** How far the log is to be compacted, and for whom it is not compacted further. */
export interface Target {
  readonly floor: number
  readonly head: number
  readonly upTo: number
  readonly holders: readonly LogHolder[]
}

/** Decides what of the log goes. */
export class Retention {
  readonly #log: Log
  readonly #options: ResolvedCompactorOptions
  readonly #segments: LogSegments
  #epoch: number

  constructor(log: Log, compaction: Compaction, options: ResolvedCompactorOptions) {
    this.#log = log
    this.#options = options
    this.#segments = new LogSegments((after, upTo) => compaction.sizeOf(after, upTo))
    this.#epoch = log.identity.epoch
  }

  /** @param pause called between two measurements */
  async target(pause: () => Promise<void>): Promise<Target> {
    const { maxAgeMs, maxChanges, maxBytes, hold, heldBy, clock } = this.#options
    const holders = await heldBy()
    const [floor, head] = [await this.#log.floor(), await this.#log.head()]
    const { epoch } = this.#log.identity
    if (epoch !== this.#epoch) this.#segments.clear()
    this.#epoch = epoch
    const beyond = async (bytes: number): Promise<number> =>
      bytes === Infinity ? floor : this.#segments.startOfLast(bytes, floor, head, pause)
    const aged = maxAgeMs === Infinity ? floor : await this.#log.seqBefore(Math.max(0, clock.now() - maxAgeMs))
    const free = Math.max(aged ?? floor, head - maxChanges, await beyond(maxBytes))
    const held = holders.reduce((least, { seq }) => Math.min(least, seq), Infinity)
    if (held >= free) return { floor, head, upTo: atLeast(floor, free), holders }
    const capped = Math.max(head - hold.maxChanges, await beyond(hold.maxBytes))
    return { floor, head, upTo: atLeast(floor, Math.max(held, Math.min(free, capped))), holders }
  }
}

/** A rule that lets nothing go says less than the floor. */
function atLeast(floor: number, upTo: number): number {
  return Math.max(floor, upTo)
}
