import { CorruptError } from '../errors.ts'
import type { Codec } from './codec.ts'

/**
 * The first byte of every stored value. Version 1: `[1][codec id][payload]`. A later version may put other fields
 * between version and payload (a compression, a key id); readers of this release refuse it instead of guessing.
 */
const VERSION = 1
const HEADER_BYTES = 2

/** Encodes a value and says in front of it how. @throws TidemarkError UNENCODABLE, as `codec.encode` does. */
export function sealValue(codec: Codec, value: unknown): Uint8Array {
  const payload = codec.encode(value)
  const sealed = new Uint8Array(HEADER_BYTES + payload.length)
  sealed[0] = VERSION
  sealed[1] = codec.id
  sealed.set(payload, HEADER_BYTES)
  return sealed
}

/**
 * Decodes what `sealValue` produced, with whichever of `codecs` wrote it.
 *
 * @throws CorruptError when the envelope is truncated, of an unknown version or by an unknown codec, or its payload is damaged.
 */
export function openValue(codecs: Codec | readonly Codec[], bytes: Uint8Array): unknown {
  if (bytes.length < HEADER_BYTES) throw new CorruptError(`a stored value of ${bytes.length} bytes is truncated`)
  if (bytes[0] !== VERSION) {
    throw new CorruptError(`a stored value is of format version ${bytes[0]}; this release reads version ${VERSION}`)
  }
  const codec = codecById(codecs, bytes[1]!)
  if (codec === undefined)
    throw new CorruptError(`a stored value was written by codec ${bytes[1]}, which is not configured`)
  return codec.decode(bytes.subarray(HEADER_BYTES))
}

function codecById(codecs: Codec | readonly Codec[], id: number): Codec | undefined {
  if ('id' in codecs) return codecs.id === id ? codecs : undefined
  return codecs.find((codec) => codec.id === id)
}
