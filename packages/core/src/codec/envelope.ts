import { CorruptError, TidemarkError } from '../errors.ts'
import type { Codec, EnvelopeCodec } from './codec.ts'

/**
 * The first byte of every stored value. Version 1: `[1][codec id][payload]`. A later version may put other fields
 * between version and payload (a compression, a key id); readers of this release refuse it instead of guessing.
 */
const VERSION = 1
const HEADER_BYTES = 2

/**
 * Encodes a value and says in front of it how. The result is the caller's.
 *
 * @throws TidemarkError UNENCODABLE when the codec cannot encode the value; RangeError when its id is not 0..255.
 */
export function sealValue(codec: Codec, value: unknown): Uint8Array {
  if ((codec.id & 0xff) !== codec.id)
    throw new RangeError(`the id of a codec is an integer from 0 to 255, not ${codec.id}`)
  const header = Uint8Array.of(VERSION, codec.id)
  if (isEnvelopeCodec(codec)) return codec.encodeAfter(header, value)
  const payload = encodeWith(codec, value)
  const sealed = new Uint8Array(HEADER_BYTES + payload.length)
  sealed.set(header)
  sealed.set(payload, HEADER_BYTES)
  return sealed
}

/**
 * Decodes what `sealValue` produced and what stands in `bytes` from `start` on, with whichever of `codecs` wrote it.
 *
 * @throws CorruptError when the envelope is truncated, of an unknown version or by an unknown codec, or when its payload
 * is damaged.
 */
export function openValue(codecs: Codec | readonly Codec[], bytes: Uint8Array, start = 0): unknown {
  const length = bytes.length - start
  if (length < HEADER_BYTES) throw new CorruptError(`a stored value of ${length} bytes is truncated`)
  const version = bytes[start]
  if (version !== VERSION) {
    throw new CorruptError(`a stored value is of format version ${version}; this release reads version ${VERSION}`)
  }
  const id = bytes[start + 1]!
  const codec = codecById(codecs, id)
  if (codec === undefined) throw new CorruptError(`a stored value was written by codec ${id}, which is not configured`)
  return isEnvelopeCodec(codec)
    ? codec.decodeAfter(start + HEADER_BYTES, bytes)
    : decodeWith(codec, new Uint8Array(bytes.buffer, bytes.byteOffset + start + HEADER_BYTES, length - HEADER_BYTES))
}

function codecById(codecs: Codec | readonly Codec[], id: number): Codec | undefined {
  if (!('id' in codecs)) return codecs.find((codec) => codec.id === id)
  return codecs.id === id ? codecs : undefined
}

function isEnvelopeCodec(codec: Codec): codec is EnvelopeCodec {
  return 'encodeAfter' in codec && 'decodeAfter' in codec
}

/** A codec of the application may fail in its own ways; callers rely on ours. */
function encodeWith(codec: Codec, value: unknown): Uint8Array {
  try {
    return codec.encode(value)
  } catch (cause) {
    if (cause instanceof TidemarkError) throw cause
    throw new TidemarkError('UNENCODABLE', `codec ${codec.id} could not encode the value; see the cause`, { cause })
  }
}

function decodeWith(codec: Codec, payload: Uint8Array): unknown {
  try {
    return codec.decode(payload)
  } catch (cause) {
    if (cause instanceof TidemarkError) throw cause
    throw new CorruptError(`codec ${codec.id} could not decode a stored value`, { cause })
  }
}
