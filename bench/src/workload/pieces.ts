/** As large as the chunks that blobs are stored in, so that nobody has to put pieces together. */
export const PIECE_BYTES: number = 256 * 1024

/**
 * `count` pieces of bytes that do not compress, one at a time: each is the last one, with its own number in front. The same
 * in every process.
 */
export async function* piecesOf(count: number): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const words = new Uint32Array(PIECE_BYTES / 4)
  let state = 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    // xorshift32 (Marsaglia, 2003)
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  for (let number = 0; number < count; number++) {
    words[0] = number
    yield new Uint8Array(words.buffer)
  }
}

/** Finds out whether what was stored of {@link piecesOf} comes back, in pieces of any length. */
export class PieceCheck {
  /** Bytes so far. */
  size = 0
  #wrong: string | undefined

  take(bytes: Uint8Array): void {
    // The number of each piece, wherever the bytes are cut.
    for (let at = (PIECE_BYTES - (this.size % PIECE_BYTES)) % PIECE_BYTES; at < bytes.length; at += PIECE_BYTES) {
      const number = (this.size + at) / PIECE_BYTES
      if (bytes[at] !== (number & 0xff)) this.#wrong ??= `piece ${number} begins with ${bytes[at]}`
    }
    this.size += bytes.length
  }

  /** @throws when other bytes came, or more or fewer */
  assertWhole(count: number): void {
    if (this.#wrong !== undefined) throw new Error(this.#wrong)
    if (this.size !== count * PIECE_BYTES) throw new Error(`${this.size} bytes came back of ${count} pieces`)
  }
}
