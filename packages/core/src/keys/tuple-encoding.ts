import { CorruptError } from '../errors.ts'
import { emptyKey, invalidPart, keyTooLong, MAX_KEY_BYTES, type KeyPart, type KeyTuple } from './key.ts'
import { Uuid } from './uuid.ts'

// The FoundationDB tuple layer (https://github.com/apple/foundationdb/blob/main/design/tuple.md), without null, floats,
// nesting and versionstamps, plus a code of our own for dates. Codes are stored: never renumber them.
const BYTES = 0x01
const STRING = 0x02
const INT_ZERO = 0x14
const INT_BIG_NEGATIVE = 0x0b
const INT_BIG_POSITIVE = 0x1d
const DOUBLE = 0x21
const FALSE = 0x26
const TRUE = 0x27
const UUID = 0x30
const DATE = 0x33

const MAX_DATE_MS = 8_640_000_000_000_000
const TWO_32 = 0x1_0000_0000

// Encoding runs to its end without calling anyone else's code, so one buffer serves all. Writes past its end are lost,
// which is why the length is checked before it is sliced.
const scratch = new Uint8Array(MAX_KEY_BYTES + 16)
const scratchView = new DataView(scratch.buffer)
const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The canonical bytes of a key: equal keys have equal bytes, and `compareBytes` orders them as `compareTuples` does.
 * `-0` is encoded as `0`, as a Map does with its keys. The caller owns the result.
 *
 * @throws TypeError for an empty tuple or a part that no key can have; RangeError beyond MAX_KEY_BYTES.
 */
export function encodeTuple(tuple: KeyTuple): Uint8Array {
  if (tuple.length === 0) throw emptyKey()
  let at = 0
  for (let i = 0; i < tuple.length; i++) {
    at = writePart(tuple[i]!, at)
    if (at > MAX_KEY_BYTES) throw keyTooLong()
  }
  return scratch.slice(0, at)
}

function writePart(part: KeyPart, at: number): number {
  switch (typeof part) {
    case 'string':
      return writeString(part, at)
    case 'number':
      return writeNumber(part, at)
    case 'bigint':
      return writeBigint(part, at)
    case 'boolean':
      scratch[at] = part ? TRUE : FALSE
      return at + 1
    default:
      if (part instanceof Uint8Array) {
        scratch[at] = BYTES
        return writeEscaped(part, at + 1)
      }
      if (part instanceof Date) return writeDate(part, at)
      if (part instanceof Uuid) {
        scratch[at] = UUID
        part.writeTo(scratch, at + 1)
        return at + 17
      }
      throw invalidPart(part)
  }
}

function writeString(text: string, at: number): number {
  const length = text.length
  if (length > MAX_KEY_BYTES) throw keyTooLong()
  scratch[at] = STRING
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0 || unit > 0x7f) {
      if (!text.isWellFormed()) throw invalidPart(text)
      return writeEscaped(utf8.encode(text), at + 1)
    }
    scratch[at + 1 + i] = unit
  }
  scratch[at + 1 + length] = 0
  return at + length + 2
}

function writeEscaped(bytes: Uint8Array, at: number): number {
  if (bytes.length > MAX_KEY_BYTES) throw keyTooLong()
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    scratch[at++] = byte
    if (byte === 0) scratch[at++] = 0xff
  }
  scratch[at] = 0
  return at + 1
}

function writeNumber(value: number, at: number): number {
  if (Number.isNaN(value)) throw invalidPart(value)
  if (at + 9 > scratch.length) throw keyTooLong()
  scratch[at] = DOUBLE
  scratchView.setFloat64(at + 1, value)
  // Big-endian doubles sort like their values once negative ones are inverted and the others get the top bit. -0 is not
  // below 0 and has that bit already, so it comes out as 0.
  if (value < 0) for (let i = at + 1; i < at + 9; i++) scratch[i] = ~scratch[i]!
  else scratch[at + 1] = scratch[at + 1]! | 0x80
  return at + 9
}

function writeDate(date: Date, at: number): number {
  const ms = date.getTime()
  if (Number.isNaN(ms)) throw invalidPart(date)
  if (at + 9 > scratch.length) throw keyTooLong()
  const high = Math.floor(ms / TWO_32)
  scratch[at] = DATE
  scratchView.setUint32(at + 1, (high ^ 0x8000_0000) >>> 0)
  scratchView.setUint32(at + 5, ms - high * TWO_32)
  return at + 9
}

function writeBigint(value: bigint, at: number): number {
  const negative = value < 0n
  let hex = (negative ? -value : value).toString(16)
  if (hex === '0') {
    scratch[at] = INT_ZERO
    return at + 1
  }
  if (hex.length % 2 === 1) hex = `0${hex}`
  const length = hex.length / 2
  if (length > 0xff) throw new RangeError('a bigint in a key may have at most 255 bytes')
  const invert = negative ? 0xff : 0
  if (length <= 8) scratch[at++] = negative ? INT_ZERO - length : INT_ZERO + length
  else {
    scratch[at++] = negative ? INT_BIG_NEGATIVE : INT_BIG_POSITIVE
    scratch[at++] = length ^ invert
  }
  for (let i = 0; i < hex.length; i += 2) scratch[at++] = Number.parseInt(hex.slice(i, i + 2), 16) ^ invert
  return at
}

/**
 * The tuple that `encodeTuple` turned into these bytes. Parts never alias `bytes`.
 *
 * @throws CorruptError for anything that `encodeTuple` does not produce, non-canonical spellings included.
 */
export function decodeTuple(bytes: Uint8Array): KeyTuple {
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES) throw corrupt(`${bytes.length} bytes`)
  const parts: KeyPart[] = []
  let at = 0
  while (at < bytes.length) {
    const code = bytes[at++]!
    if (code === BYTES || code === STRING) {
      const end = endOfEscaped(bytes, at)
      parts.push(code === BYTES ? unescape(bytes, at, end) : readString(bytes, at, end))
      at = end + 1
    } else if (code === FALSE || code === TRUE) {
      parts.push(code === TRUE)
    } else {
      const start = at + (code === INT_BIG_NEGATIVE || code === INT_BIG_POSITIVE ? 1 : 0)
      const end = start + lengthOfField(bytes, code, at)
      if (end > bytes.length) throw corrupt('it is truncated')
      parts.push(readField(bytes, code, start, end))
      at = end
    }
  }
  return parts
}

function lengthOfField(bytes: Uint8Array, code: number, at: number): number {
  if (code === DOUBLE || code === DATE) return 8
  if (code === UUID) return 16
  if (code < INT_BIG_NEGATIVE || code > INT_BIG_POSITIVE) throw corrupt(`unknown type code ${code}`)
  const length = Math.abs(code - INT_ZERO)
  if (length <= 8) return length
  const long = code === INT_BIG_NEGATIVE ? (bytes[at] ?? 0) ^ 0xff : (bytes[at] ?? 0xff)
  if (long <= 8) throw corrupt('an integer is longer than it needs to be')
  return long
}

function readField(bytes: Uint8Array, code: number, start: number, end: number): KeyPart {
  if (code === DOUBLE) return readNumber(bytes, start)
  if (code === DATE) return readDate(bytes, start)
  if (code === UUID) return Uuid.from(bytes.subarray(start, end))
  return readBigint(bytes, start, end, code < INT_ZERO)
}

function endOfEscaped(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] !== 0) continue
    if (bytes[at + 1] !== 0xff) return at
    at++
  }
  throw corrupt('a string or byte string has no end')
}

function unescape(bytes: Uint8Array, start: number, end: number): Uint8Array {
  let length = 0
  for (let i = start; i < end; i++) {
    scratch[length++] = bytes[i]!
    if (bytes[i] === 0) i++
  }
  return scratch.slice(0, length)
}

function readString(bytes: Uint8Array, start: number, end: number): string {
  // Concatenating is several times faster than a TextDecoder for strings as short as those in keys.
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === 0 || byte > 0x7f) return readUtf8(unescape(bytes, start, end))
    text += String.fromCharCode(byte)
  }
  return text
}

function readUtf8(raw: Uint8Array): string {
  try {
    return fromUtf8.decode(raw)
  } catch (cause) {
    throw corrupt('a string is not UTF-8', cause)
  }
}

function readNumber(bytes: Uint8Array, start: number): number {
  const negative = bytes[start]! < 0x80
  for (let i = 0; i < 8; i++) scratch[i] = negative ? ~bytes[start + i]! : bytes[start + i]!
  if (!negative) scratch[0] = scratch[0]! & 0x7f
  const value = scratchView.getFloat64(0)
  if (Number.isNaN(value) || Object.is(value, -0)) throw corrupt('a number is NaN or -0')
  return value
}

function readDate(bytes: Uint8Array, start: number): Date {
  for (let i = 0; i < 8; i++) scratch[i] = bytes[start + i]!
  const ms = ((scratchView.getUint32(0) ^ 0x8000_0000) | 0) * TWO_32 + scratchView.getUint32(4)
  if (Math.abs(ms) > MAX_DATE_MS) throw corrupt('a date is out of range')
  return new Date(ms)
}

function readBigint(bytes: Uint8Array, start: number, end: number, negative: boolean): bigint {
  if (start === end) return 0n
  const invert = negative ? 0xff : 0
  if (bytes[start] === invert) throw corrupt('an integer is longer than it needs to be')
  let hex = '0x'
  for (let i = start; i < end; i++) hex += ((bytes[i]! ^ invert) + 0x100).toString(16).slice(1)
  return negative ? -BigInt(hex) : BigInt(hex)
}

function corrupt(what: string, cause?: unknown): CorruptError {
  return new CorruptError(`not an encoded key: ${what}`, { cause })
}
