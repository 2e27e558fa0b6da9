/** Where a hash starts. */
const HASH_SEED = 0x811c9dc5

/**
 * FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): tells accidents apart, not adversaries.
 * Pass a result back in to go on with more bytes.
 */
export function hash32(bytes: Uint8Array, seed: number = HASH_SEED): number {
  let hash = seed
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}
