const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** How many bytes an element of each kind of typed array takes. */
const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ['Uint8ClampedArray', 1],
  ['Int8Array', 1],
  ['Uint16Array', 2],
  ['Int16Array', 2],
  ['Float16Array', 2],
  ['Uint32Array', 4],
  ['Int32Array', 4],
  ['Float32Array', 4],
  ['BigUint64Array', 8],
  ['BigInt64Array', 8],
  ['Float64Array', 8],
])

/** A copy in which the bytes of each element stand the other way round. */
export function elementsSwapped(name: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = ELEMENT_BYTES.get(name)!
  const swapped = new Uint8Array(bytes)
  for (let i = 0; i < swapped.length; i += size) swapped.subarray(i, i + size).reverse()
  return swapped
}

/**
 * The view of this kind over bytes whose elements have the lowest byte first; undefined: there is no such kind, or it has
 * another size.
 */
export function viewOver(name: string, bytes: Uint8Array<ArrayBuffer>): ArrayBufferView | undefined {
  const size = ELEMENT_BYTES.get(name)
  if (size === undefined || bytes.length % size !== 0) return undefined
  // Absent from older runtimes: Float16Array.
  const constructor = (globalThis as Record<string, unknown>)[name] as
    | (new (buffer: ArrayBuffer) => ArrayBufferView)
    | undefined
  const elements = isLittleEndian ? bytes : elementsSwapped(name, bytes)
  return constructor === undefined ? undefined : new constructor(elements.buffer)
}
