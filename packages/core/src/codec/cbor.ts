import { CorruptError } from '../errors.ts'
import { createCborDecoder } from './cbor-decoder.ts'
import { createCborEncoder } from './cbor-encoder.ts'
import { CLASSES_OPTIONS, type ClassesOptions, ClassRegistry } from './class-registry.ts'
import type { EnvelopeCodec } from './codec.ts'
import { type RegisteringCodec, registering } from './registering-codec.ts'
import { encodable } from './encodable.ts'
import { assertKnown } from '../options/checks.ts'
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
 * RegExp with `lastIndex` 0; an instance of a subclass of Array, Uint8Array or Error, which is not registered, as one of those.
 * Symbol-keyed, non-enumerable and inherited properties are not stored, nor are named
 * properties of arrays and other built-ins. A getter is stored as its value.
 *
 * Comes back as the instance that it was: what is of a class that is registered, in `options` or later with `register`.
 *
 * Refused as UNENCODABLE, with the path: functions, symbols, instances of classes that are not registered, promises, weak
 * collections, what contains itself, more than 500 containers within one another, arrays with more than 10,000 holes, what is
 * on a detached buffer, more than 512 MiB encoded.
 *
 * Built on cbor-x, which on its own loses some of this (-0, holes, half pairs, `__proto__`), takes instances for plain
 * objects, and acts on tags and lengths in what it reads: values pass `encodable` before it, and bytes the check.
 */
export function createCborCodec(options: ClassesOptions = {}): RegisteringCodec {
  assertKnown(options, CLASSES_OPTIONS, 'createCborCodec')
  const classes = new ClassRegistry(options)
  const write = createCborEncoder()
  const read = createCborDecoder(classes)

  function encodeAfter(prefix: Uint8Array, value: unknown): Uint8Array {
    try {
      return write(prefix, encodable(value, 0, classes))
    } catch (thrown) {
      throw Refusal.from(thrown).toError()
    }
  }

  function decodeAfter(prefixLength: number, bytes: Uint8Array): unknown {
    try {
      return read(bytes, prefixLength)
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
  return registering(codec, classes)
}
