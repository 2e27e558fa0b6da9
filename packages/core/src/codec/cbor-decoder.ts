// Not 'cbor-x', whose entry for Node lets a native addon, where one is installed, read the bytes.
import { clearSource, Decoder } from 'cbor-x/decode'
import { CborCheck } from './cbor-check.ts'
import type { ClassRegistry } from './class-registry.ts'
import { revive } from './revive.ts'

/** What cbor-x's declarations leave out. */
interface PartialDecoder {
  decode(source: Uint8Array, end: number): unknown
}

/** Up to here copying costs less than the views that cbor-x needs of each new input. */
const WINDOW_BYTES = 4096

/** @returns a function that gives the value which the bytes from `start` on are. It throws CorruptError, and what cbor-x does. */
export function createCborDecoder(classes: ClassRegistry): (bytes: Uint8Array, start: number) => unknown {
  const decoder = new Decoder({
    useRecords: false,
    mapsAsObjects: true,
    copyBuffers: true,
  }) as unknown as PartialDecoder
  const check = new CborCheck()
  const memory = new Uint8Array(WINDOW_BYTES)
  const windows: Uint8Array[] = [memory]

  /** A plain Uint8Array (of a Buffer, copies alias) which is ours: cbor-x sets a property on it. */
  function sourceOf(bytes: Uint8Array, start: number): Uint8Array {
    if (bytes.length > WINDOW_BYTES) {
      return new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.length - start)
    }
    memory.set(bytes)
    return (windows[start] ??= memory.subarray(start))
  }

  return (bytes, start) => {
    const source = sourceOf(bytes, start)
    const end = bytes.length - start
    const needsRevival = check.check(source, end)
    let value: unknown
    try {
      value = decoder.decode(source, end)
    } catch (thrown) {
      // Where the stack was used up, cbor-x may not have got to this, and would take every later call for a nested one.
      if (thrown instanceof RangeError) clearSource()
      throw thrown
    }
    return needsRevival ? revive(value, classes) : value
  }
}
