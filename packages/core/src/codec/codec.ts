/**
 * Turns values into bytes and back. An implementation holds no state between values: what one process encoded, any other
 * can decode on its own.
 */
export interface Codec {
  /** Names the format in stored envelopes: 0..255, unique among the codecs of a store, and never reused. */
  readonly id: number

  /**
   * Encodes `value` so that `decode` gives back an equal one. Neither keeps nor changes `value`.
   * The result is the caller's: nothing writes to its memory later.
   *
   * @throws TidemarkError UNENCODABLE, naming the path, when the value cannot come back equal.
   */
  encode(value: unknown): Uint8Array

  /**
   * Decodes exactly one value, a fresh one on each call. Nothing in it aliases `bytes`.
   *
   * @throws CorruptError when `bytes` are not what `encode` produces; whatever they hold, it neither hangs nor allocates
   * out of proportion to their length.
   */
  decode(bytes: Uint8Array): unknown
}

/** A codec that reads and writes around an envelope's header without copying the payload. */
export interface EnvelopeCodec extends Codec {
  /** `prefix` followed by what `encode` returns, in one piece. */
  encodeAfter(prefix: Uint8Array, value: unknown): Uint8Array
  /** What `decode` returns for the bytes from `prefixLength` on. */
  decodeAfter(prefixLength: number, bytes: Uint8Array): unknown
}
