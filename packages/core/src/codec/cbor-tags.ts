// What encoding and decoding agree on. All of it is stored: never change the meaning of a number below.

/** RFC 8949: seconds since the epoch; NaN for an invalid date. */
export const DATE = 1
/** RFC 8949: big-endian bytes. cbor-x writes bigints within ±2^64 as 64-bit integers, which nothing else is written as. */
const BIGINT = 2
const NEGATIVE_BIGINT = 3
/** http://cbor.schmorp.de/generic-object, for nothing but `['RegExp', source, flags]`. */
export const GENERIC = 27
/** IANA: over undefined, an absent element of an array. */
export const HOLE = 31
/** IANA: 16 bytes. */
export const UUID = 37
/** RFC 8746, elements of 16-bit floats. Revived here, as cbor-x does not know them. */
export const FLOAT16_BIG_ENDIAN = 80
export const FLOAT16 = 84
/** IANA: over an array. */
export const SET = 258
/** IANA: over a map with keys of any kind. */
const MAP = 259

// Ours, from the range that is free for all; cbor-x hands them on as Tag objects.
/** Over 0: cbor-x drops the sign. */
export const NEGATIVE_ZERO = 46560
/** Over bytes, little-endian UTF-16: text that is not well-formed, or begins with the mark that UTF-8 decoders strip. */
export const UTF16 = 46561
/** Over `[name, value, …]`: an object with names that are such text, or `__proto__`. */
export const RECORD = 46562
/** Over `[name, message, stack, properties]`. */
export const ERROR = 46563
/** Over `[source, flags]`, where the source is such text. */
export const REG_EXP = 46564
/** Over hexadecimal text: a bigint of more than MAX_BIGINT_BYTES, which cbor-x takes quadratic time for. */
export const LARGE_BIGINT = 46565
/** Over bytes. */
export const ARRAY_BUFFER = 46566
export const DATA_VIEW = 46567
/** Over milliseconds: a date in the few millennia for which seconds do not give back the same milliseconds. */
export const DATE_MS = 46568
/** Over `[name, data]`: an instance of a registered class. */
export const INSTANCE = 46569

/** How many containers may lie within one another. Bounds the stack that encoding and decoding take. */
export const MAX_DEPTH = 500

/** The largest encoded value: what Redis takes as one string. */
export const MAX_BYTES = 0x2000_0000

/** The most elements that V8 allocates as an array; for more it makes a slow and huge dictionary. */
export const MAX_ELEMENTS = 0x200_0000

/** The most holes of one array: they are stored one by one, and with more of them an array is no list any longer. */
export const MAX_HOLES = 10_000

export const MAX_BIGINT_BYTES = 1024

/** What may lie under a tag. */
type Content = 'number' | 'undefined' | 'bytes' | 'text' | 'array' | 'map' | 'bigint' | 'RegExp'

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** RFC 8746. A Uint8Array needs no tag: it is a byte string. */
const TYPED_ARRAYS: ReadonlyMap<string, readonly [littleEndian: number, bigEndian: number]> = new Map([
  ['Uint8ClampedArray', [68, 68]],
  ['Uint16Array', [69, 65]],
  ['Uint32Array', [70, 66]],
  ['BigUint64Array', [71, 67]],
  ['Int8Array', [72, 72]],
  ['Int16Array', [77, 73]],
  ['Int32Array', [78, 74]],
  ['BigInt64Array', [79, 75]],
  ['Float16Array', [FLOAT16, FLOAT16_BIG_ENDIAN]],
  ['Float32Array', [85, 81]],
  ['Float64Array', [86, 82]],
])

/** Every tag that is read; there are no others. */
const CONTENTS: ReadonlyMap<number, Content> = new Map<number, Content>([
  [DATE, 'number'],
  [BIGINT, 'bigint'],
  [NEGATIVE_BIGINT, 'bigint'],
  [GENERIC, 'RegExp'],
  [HOLE, 'undefined'],
  [UUID, 'bytes'],
  [SET, 'array'],
  [MAP, 'map'],
  [NEGATIVE_ZERO, 'number'],
  [UTF16, 'bytes'],
  [RECORD, 'array'],
  [ERROR, 'array'],
  [REG_EXP, 'array'],
  [LARGE_BIGINT, 'text'],
  [DATE_MS, 'number'],
  [INSTANCE, 'array'],
  [ARRAY_BUFFER, 'bytes'],
  [DATA_VIEW, 'bytes'],
  ...[...TYPED_ARRAYS.values()].flat().map((tag) => [tag, 'bytes'] as const),
])

/** The others come out of it as Tag objects, to be revived. */
const UNKNOWN_TO_CBOR_X: ReadonlySet<number> = new Set([HOLE, UUID, FLOAT16, FLOAT16_BIG_ENDIAN])

export function contentOf(tag: number): Content | undefined {
  return CONTENTS.get(tag)
}

export function isKnownToCborX(tag: number): boolean {
  return tag < NEGATIVE_ZERO && !UNKNOWN_TO_CBOR_X.has(tag)
}

/** The kind of typed array that a tag is about, and how its elements lie there. */
export function typedArrayOf(tag: number): { readonly name: string; readonly isLittleEndian: boolean } | undefined {
  for (const [name, [little, big]] of TYPED_ARRAYS) {
    if (tag === little || tag === big) return { name, isLittleEndian: tag === little }
  }
  return undefined
}

/** The tag of the elements as they lie in the memory of this machine. */
export function typedArrayTag(name: string): number | undefined {
  return TYPED_ARRAYS.get(name)?.[isLittleEndian ? 0 : 1]
}
