// What the CBOR writer and reader agree on. All of it is stored: never change the meaning of a number below.

/** Major types of RFC 8949, in place: the upper three bits of an initial byte. */
export const UNSIGNED = 0x00
export const NEGATIVE = 0x20
export const BYTES = 0x40
export const TEXT = 0x60
export const ARRAY = 0x80
export const MAP = 0xa0
export const TAG = 0xc0

export const FALSE = 0xf4
export const TRUE = 0xf5
export const NULL = 0xf6
export const UNDEFINED = 0xf7
export const FLOAT64 = 0xfb
/** A hole of a sparse array: the unassigned simple value 0. */
export const HOLE = 0xe0

/** Seconds since the epoch. */
export const TAG_DATE = 1
/** A bigint is always one of these, so that integers without a tag are always numbers. */
export const TAG_BIGINT = 2
export const TAG_NEGATIVE_BIGINT = 3
/** http://cbor.schmorp.de/generic-object: [type name, ...arguments], for whatever has no tag of its own. */
export const TAG_GENERIC = 27
export const TAG_UUID = 37
export const TAG_SET = 258
/** Distinguishes a Map from a plain object. */
export const TAG_MAP = 259

/** How many containers may lie within one another. Bounds the stack that reading and writing take. */
export const MAX_DEPTH = 500

/** The largest encoded value: what Redis takes as one string. */
export const MAX_BYTES = 0x2000_0000

type TypedArrayConstructor = new (buffer: ArrayBuffer) => ArrayBufferView

/** RFC 8746, little-endian. A Uint8Array needs no tag: it is a byte string. Float16Array is absent on older runtimes. */
export const TYPED_ARRAYS: readonly (readonly [name: string, tag: number, bytesPerElement: number])[] = [
  ['Uint8ClampedArray', 68, 1],
  ['Uint16Array', 69, 2],
  ['Uint32Array', 70, 4],
  ['BigUint64Array', 71, 8],
  ['Int8Array', 72, 1],
  ['Int16Array', 77, 2],
  ['Int32Array', 78, 4],
  ['BigInt64Array', 79, 8],
  ['Float16Array', 84, 2],
  ['Float32Array', 85, 4],
  ['Float64Array', 86, 8],
]

export function typedArrayConstructor(name: string): TypedArrayConstructor | undefined {
  return (globalThis as unknown as Record<string, TypedArrayConstructor | undefined>)[name]
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Copies elements to or from their little-endian stored form. The copy starts its own buffer, so any view of it is aligned. */
export function copyElements(bytes: Uint8Array, bytesPerElement: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  if (!isLittleEndian && bytesPerElement > 1) {
    for (let i = 0; i < copy.length; i += bytesPerElement) copy.subarray(i, i + bytesPerElement).reverse()
  }
  return copy
}
