import type { StoreKey } from '../keys/store-key.ts'

/**
 * Turns values into bytes and back. An implementation holds no state between values: what one process encoded, any other
 * can decode on its own.
 */
export interface Codec {
  /**
   * Names the format in stored envelopes: unique among the codecs of a store, and never reused. 64..255; 1, 2, 16 and 32 are
   * those of Tidemark.
   */
  readonly id: number

  /**
   * Encodes `value`, to one byte at least, so that `decode` gives back an equal one. Neither keeps nor changes `value`.
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

/** A codec that also decodes what was written before it was the one that writes. */
export interface ReadingCodec extends Codec {
  /** By whose id what they wrote is found; what they read in turn is found, too. */
  readonly alsoReads: readonly Codec[]
}

/** A codec that tells what it would write in another way today. */
export interface JudgingCodec extends Codec {
  /**
   * Whether it would write the value in the same way today.
   * @param bytes what it, with whatever settings, has encoded or bound
   */
  isCurrent(bytes: Uint8Array): boolean
}

/** Where stored bytes stand. */
export interface Place {
  readonly key: StoreKey
  /** The seq of the change; 0 for a mark, which has none. */
  readonly version: number
  readonly part: 'value' | 'meta' | 'mark'
}

/**
 * A codec whose bytes belong to where they stand, and are refused elsewhere: encryption. A place is known in the moment of the
 * commit only, so values are encoded with `inner` first, and what comes of that, envelope and notes included, is bound then.
 */
export interface BindingCodec extends ReadingCodec {
  /** One of those in `alsoReads`, which read what was bound. */
  readonly inner: Codec
  /** Whether they also read what is not bound. */
  readonly readsUnbound: boolean
  /**
   * Begins with `[BOUND][id]`. Another one on each call, for the same envelope, too.
   * @param envelope not changed, nor kept
   */
  bind(envelope: Uint8Array, place: Place): Uint8Array
  /**
   * The envelope that was bound there.
   * @param bound from its first byte on
   * @throws CorruptError with a code that says what is wrong
   */
  unbind(bound: Uint8Array, place: Place): Uint8Array
}
