/** How many fences a partition has. Part of the layout: processes that disagree about it would not see each other's fences. */
export const STRIPES = 1024

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * The fence that guards a key: FNV-1a, 32 bits, over the UTF-16 code units of the key's id, xor-folded to 10 bits.
 * Part of the layout, like {@link STRIPES}. Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function stripeOf(id: string): number {
  let hash = FNV_OFFSET
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), FNV_PRIME)
  return ((hash >>> 10) ^ hash) & (STRIPES - 1)
}
