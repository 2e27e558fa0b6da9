import type { Kept } from './kept-write.ts'

/**
 * Names writes: those of some keys, as they stood in the rows of a journal. Other keys of the same rows have another token, so that
 * a part of what was refused is not taken for the whole.
 */
export function flushToken(
  owner: string,
  { writes, from, to }: { readonly writes: readonly Kept[]; readonly from: number; readonly to: number },
): string {
  // Sums: what is left of a batch comes in another order after a crash.
  let [high, low] = [0, 0]
  for (const { id } of writes) {
    const [h, l] = hashOf(id)
    high = (high + h) >>> 0
    low = (low + l) >>> 0
  }
  return `${owner}:${from}-${to}:${writes.length}-${hexOf(high)}${hexOf(low)}`
}

/** 64 bits of a text: cyrb53 by bryc (public domain), whole. */
function hashOf(text: string): readonly [high: number, low: number] {
  let [high, low] = [0xdeadbeef, 0x41c6ce57]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 2_654_435_761)
    low = Math.imul(low ^ unit, 1_597_334_677)
  }
  const mixed = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909)
  return [
    mixed >>> 0,
    (Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(mixed ^ (mixed >>> 13), 3_266_489_909)) >>> 0,
  ]
}

function hexOf(value: number): string {
  return value.toString(16).padStart(8, '0')
}
