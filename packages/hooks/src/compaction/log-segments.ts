import type { Compaction } from '@tidemark/core'

/** So many changes are measured at a time, at most. */
const STRIDE = 512

/** A segment is no larger than this part of what is asked for, as long as it has more than one change. */
const PARTS = 16

interface Segment {
  /** It holds `start < seq <= end`. */
  readonly start: number
  readonly end: number
  readonly bytes: number
}

/**
 * How many bytes the newest changes of a log take, known in segments: what was measured once is not measured again, and
 * what lies further back than anybody asks is not measured at all.
 */
export class LogSegments {
  readonly #sizeOf: Compaction['sizeOf']
  /** Without a gap between them, the newest last. */
  #segments: Segment[] = []

  constructor(sizeOf: Compaction['sizeOf']) {
    this.#sizeOf = sizeOf
  }

  /**
   * The lowest position behind which the log takes at most `maxBytes`, to the precision of a segment; never below `floor`.
   * @param between called between two measurements, to let others have their turn
   */
  async startOfLast(maxBytes: number, floor: number, head: number, between: () => Promise<void>): Promise<number> {
    if ((this.#segments.at(-1)?.end ?? 0) > head) this.clear()
    this.#segments = this.#segments.filter(({ start }) => start >= floor)
    const largest = Math.max(1, maxBytes / PARTS)
    await this.#measureNew(floor, head, largest, between)
    let bytes = 0
    let position = head
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      bytes += this.#segments[i]!.bytes
      if (bytes > maxBytes) return position
      position = this.#segments[i]!.start
    }
    while (position > floor) {
      const older = await this.#measured(Math.max(floor, position - STRIDE), position, largest)
      this.#segments.unshift(older)
      bytes += older.bytes
      if (bytes > maxBytes) break
      position = older.start
      await between()
    }
    return position
  }

  clear(): void {
    this.#segments = []
  }

  /** What was committed since the last time. */
  async #measureNew(floor: number, head: number, largest: number, between: () => Promise<void>): Promise<void> {
    if (this.#segments.length === 0) return
    while (this.#segments.at(-1)!.end < head) {
      const last = this.#segments.at(-1)!
      const next = await this.#forwards(Math.max(floor, last.end), Math.min(head, last.end + STRIDE), largest)
      const isSmall = next.end - last.start <= STRIDE && last.bytes + next.bytes <= largest
      // Rounds that meet few changes each would leave many small ones.
      if (isSmall)
        this.#segments[this.#segments.length - 1] = { ...next, start: last.start, bytes: last.bytes + next.bytes }
      else this.#segments.push(next)
      await between()
    }
  }

  /** A segment that begins with `start`. */
  async #forwards(start: number, end: number, largest: number): Promise<Segment> {
    const bytes = await this.#sizeOf(start, end)
    if (bytes <= largest || end - start === 1) return { start, end, bytes }
    return this.#forwards(start, start + Math.floor((end - start) / 2), largest)
  }

  /** A segment that ends with `end`. */
  async #measured(start: number, end: number, largest: number): Promise<Segment> {
    const bytes = await this.#sizeOf(start, end)
    if (bytes <= largest || end - start === 1) return { start, end, bytes }
    return this.#measured(end - Math.floor((end - start) / 2), end, largest)
  }
}
