/**
 * A checksum of 32 bits, four bytes at a time: FNV-1a's way (http://www.isthe.com/chongo/tech/comp/fnv/) with a multiplier
 * that spreads further. Tells accidents apart, not adversaries. Stored: never change it.
 */
export function sumOfBytes(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = bytes.length - (bytes.length % 4)
  let sum = 0x811c9dc5 ^ bytes.length
  for (let i = 0; i < words; i += 4) sum = mixed(sum, view.getUint32(i, true))
  for (let i = words; i < bytes.length; i++) sum = mixed(sum, bytes[i]!)
  return sum >>> 0
}

function mixed(sum: number, word: number): number {
  const product = Math.imul(sum ^ word, 0x85ebca6b)
  return product ^ (product >>> 13)
}
