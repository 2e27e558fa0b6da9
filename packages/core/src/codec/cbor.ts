import { CorruptError } from '../errors.ts'
import { CborReader } from './cbor-reader.ts'
import { CborWriter } from './cbor-writer.ts'
import type { Codec, EnvelopeCodec } from './codec.ts'
import { Refusal } from './refusal.ts'

const NO_PREFIX = new Uint8Array(0)

/**
 * The default codec: CBOR (RFC 8949), each value complete in itself.
 *
 * Comes back exactly: null, undefined, booleans, numbers (-0, NaN, ±Infinity), bigints of any size, strings (half
 * surrogate pairs too), arrays with their holes, plain objects in the order of their properties (one called `__proto__`
 * is a property like any other), Date (invalid ones too), Map, Set, RegExp, every typed array, ArrayBuffer, DataView, Uuid.
 *
 * Comes back as its plain counterpart: an object without prototype as a plain object; a Buffer, or any other view of a
 * part of a buffer, as a typed array over just that part; an object that occurs twice as two copies; an Error as the
 * built-in class of its name, else as an Error with that name, with message, stack, cause and its own properties; a
 * RegExp with `lastIndex` 0. Symbol-keyed, non-enumerable and inherited properties are not stored, nor are named
 * properties of arrays and other built-ins. A getter is stored as its value.
 *
 * Refused as UNENCODABLE, with the path: functions, symbols, instances of classes, promises, weak collections, what
 * contains itself, more than 500 containers within one another, more than 512 MiB encoded.
 *
 * Not built on a CBOR library: those trade some of this exactness for speed (-0, half pairs, `__proto__`, classes taken for
 * plain objects), keep state between values or between users of the library, or trust lengths and tags in what they read.
 */
export function createCborCodec(): Codec {
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

  const codec: EnvelopeCodec = {
    id: 1,
    encode: (value) => encodeAfter(NO_PREFIX, value),
    decode: (bytes) => decodeAfter(0, bytes),
    encodeAfter,
    decodeAfter,
  }
  return codec
}
