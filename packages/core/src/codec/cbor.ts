import { CorruptError } from '../errors.ts'
import { CborReader } from './cbor-reader.ts'
import { CborWriter } from './cbor-writer.ts'
import type { EnvelopeCodec } from './codec.ts'
import { Refusal } from './refusal.ts'

const NO_PREFIX = new Uint8Array(0)

export function createCborCodec(): EnvelopeCodec {
  // Taken while in use: a getter of the value being encoded may encode something itself.
  let idle: CborWriter | undefined = new CborWriter()
  const reader = new CborReader()

  function encodeAfter(prefix: Uint8Array, value: unknown): Uint8Array {
    const writer = idle ?? new CborWriter()
    idle = undefined
    try {
      return writer.write(prefix, value)
    } catch (thrown) {
      throw Refusal.from(thrown).toError()
    } finally {
      idle = writer
    }
  }

  function decodeAfter(prefixLength: number, bytes: Uint8Array): unknown {
    try {
      return reader.read(bytes, prefixLength)
    } catch (cause) {
      if (cause instanceof CorruptError) throw cause
      throw new CorruptError('not an encoded value', { cause })
    }
  }

  return {
    id: 1,
    encode: (value) => encodeAfter(NO_PREFIX, value),
    decode: (bytes) => decodeAfter(0, bytes),
    encodeAfter,
    decodeAfter,
  }
}
