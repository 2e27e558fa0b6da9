/** How many seqs a chunk is about. */
const CHUNK = 4_096
/** A chunk of more than these is a bitmap, which takes 512 bytes. */
const FEW = 64

/** A set of seqs: about a bit for each where they lie close together, and never more than some bytes. */
export class SeqSet {
  readonly #chunks = new Map<number, number[] | Uint32Array>()

  has(seq: number): boolean {
    const chunk = this.#chunks.get(Math.floor(seq / CHUNK))
    const at = seq % CHUNK
    if (chunk === undefined) return false
    return Array.isArray(chunk) ? chunk.includes(at) : (chunk[at >> 5]! & (1 << (at & 31))) !== 0
  }

  add(seq: number): void {
    const number = Math.floor(seq / CHUNK)
    const at = seq % CHUNK
    const chunk = this.#chunks.get(number)
    if (chunk === undefined) this.#chunks.set(number, [at])
    else if (!Array.isArray(chunk)) mark(chunk, at)
    else if (!chunk.includes(at)) {
      chunk.push(at)
      if (chunk.length > FEW) this.#chunks.set(number, bitmapOf(chunk))
    }
  }
}

function bitmapOf(seqs: readonly number[]): Uint32Array {
  const bitmap = new Uint32Array(CHUNK / 32)
  for (const at of seqs) mark(bitmap, at)
  return bitmap
}

function mark(bitmap: Uint32Array, at: number): void {
  bitmap[at >> 5]! |= 1 << (at & 31)
}
