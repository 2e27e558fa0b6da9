import { CorruptError, TidemarkError } from '../errors.ts'
import { assertKnown } from '../options/checks.ts'
import { CLASSES_OPTIONS, type ClassesOptions, ClassRegistry } from './class-registry.ts'
import { MAX_BYTES } from './cbor-tags.ts'
import type { EnvelopeCodec } from './codec.ts'
import { encodable } from './encodable.ts'
import { jsonReader } from './json-reading.ts'
import { jsonOf } from './json-writing.ts'
import { Refusal } from './refusal.ts'
import { type RegisteringCodec, registering } from './registering-codec.ts'

const NO_PREFIX = new Uint8Array(0)
const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A codec whose bytes anybody can read: JSON text. It stores what CBOR stores and refuses what CBOR refuses, and takes more room
 * and time for it. What JSON lacks stands in the form that `toJsonForm` describes, except for errors, which are
 * `{"$error": [name, message, stack, properties]}`, instances of registered classes, `{"$class": [name, data]}`, and bigints of
 * more than 1024 bytes, which are hexadecimal.
 */
export function createJsonCodec(options: ClassesOptions = {}): RegisteringCodec {
  assertKnown(options, CLASSES_OPTIONS, 'createJsonCodec')
  const classes = new ClassRegistry(options)
  const read = jsonReader(classes)

  function encodeAfter(prefix: Uint8Array, value: unknown): Uint8Array {
    const text = utf8.encode(textOf(value))
    if (text.length > MAX_BYTES) {
      throw new TidemarkError(
        'UNENCODABLE',
        `value is larger than ${MAX_BYTES} bytes when encoded; store its parts under keys of their own`,
      )
    }
    if (prefix.length === 0) return text
    const bytes = new Uint8Array(prefix.length + text.length)
    bytes.set(prefix)
    bytes.set(text, prefix.length)
    return bytes
  }

  function textOf(value: unknown): string {
    try {
      return JSON.stringify(jsonOf(encodable(value, 0, classes)))
    } catch (thrown) {
      throw Refusal.from(thrown).toError()
    }
  }

  function decodeAfter(prefixLength: number, bytes: Uint8Array): unknown {
    try {
      return read(JSON.parse(fromUtf8.decode(bytes.subarray(prefixLength))))
    } catch (cause) {
      if (cause instanceof CorruptError) throw cause
      throw new CorruptError('not an encoded value', { cause })
    }
  }

  const codec: EnvelopeCodec = {
    id: 2,
    encode: (value) => encodeAfter(NO_PREFIX, value),
    decode: (bytes) => decodeAfter(0, bytes),
    encodeAfter,
    decodeAfter,
  }
  return registering(codec, classes)
}
