import { type Back, inRange, type KeyRange } from '@tidemark/core'
import type { WarmTarget } from './warm-target.ts'

/**
 * Takes out of a front what lies in the range and is none of the back tier's entries, a page of its records at a time.
 * What is written meanwhile may go with it, as anything may leave a front at any time: nothing is read wrongly for that.
 *
 * @returns after each page, how many it was
 */
export async function* removeExtras(back: Back, target: WarmTarget, range: KeyRange): AsyncIterable<number> {
  for await (const page of target.held()) {
    const keys = page.filter((key) => inRange(range, key.bytes))
    const found = keys.length === 0 ? [] : await back.read(keys)
    const extras = keys.filter((_, i) => found[i]!.entry === undefined)
    if (extras.length > 0) await target.discard(extras)
    yield extras.length
  }
}
