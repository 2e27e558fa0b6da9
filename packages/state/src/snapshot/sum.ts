/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): tells accidents apart, not adversaries. Stored. */
export function sumOfBytes(bytes: Uint8Array): number {
  let sum = 0x811c9dc5 | 0
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193)
  return sum >>> 0
}
