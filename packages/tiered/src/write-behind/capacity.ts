import type { Dirty } from './batch.ts'
import type { FlushLane } from './flush-lane.ts'
import type { ResolvedLimits } from './limits.ts'

/** What a lane holds, as far as its capacity is concerned. */
type Held<D extends Dirty> = Pick<FlushLane<D>, 'size' | 'bytes' | 'journaled' | 'isIdle' | 'get'>

/** How much a lane may hold: by the number of keys, by their bytes, and by those of its journal. */
export class Capacity {
  readonly #limits: ResolvedLimits
  readonly #isJournaled: boolean

  /** @param isJournaled whether what is overwritten takes room, too, until it is flushed */
  constructor(limits: ResolvedLimits, isJournaled: boolean) {
    this.#limits = limits
    this.#isJournaled = isJournaled
  }

  /** What part of it is taken; with more than there is, by so much. */
  taken<D extends Dirty>(lane: Held<D>, moreKeys = 0, moreBytes = 0): number {
    const { maxDirty, maxBytes, capacity } = this.#limits
    return Math.max((lane.size + moreKeys) / maxDirty, (this.#bytesOf(lane) + moreBytes) / maxBytes) / capacity
  }

  /** How many of these calls there is room for, in their order. What is larger than the capacity has it for itself. */
  fitting<D extends Dirty>(lane: Held<D>, calls: readonly { readonly writes: readonly D[] }[]): number {
    const { maxDirty, maxBytes, capacity } = this.#limits
    let [size, bytes] = [lane.size, this.#bytesOf(lane)]
    for (const [i, { writes }] of calls.entries()) {
      let [moreKeys, moreBytes] = [0, 0]
      for (const write of writes) {
        const before = lane.get(write.id)
        if (before === undefined) moreKeys++
        moreBytes += write.bytes - (this.#isJournaled ? 0 : (before?.bytes ?? 0))
      }
      size += moreKeys
      bytes += moreBytes
      const fits = (moreKeys === 0 || size <= maxDirty * capacity) && (moreBytes <= 0 || bytes <= maxBytes * capacity)
      if (!fits && !(i === 0 && lane.isIdle)) return i
    }
    return calls.length
  }

  #bytesOf<D extends Dirty>({ bytes, journaled }: Held<D>): number {
    return this.#isJournaled ? Math.max(bytes, journaled) : bytes
  }
}
