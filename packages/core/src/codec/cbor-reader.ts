import { CorruptError } from '../errors.ts'
import * as cbor from './cbor-format.ts'
import { reviveGeneric, reviveTagged } from './cbor-revive.ts'
import { setOwn } from './stored-error.ts'

const NOTHING = new Uint8Array(0)
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const float = new DataView(new ArrayBuffer(8))

/** Up to here strings are put together in a loop, which beats the fixed cost of TextDecoder. */
const LOOP_BYTES = 32

const NAMES_MASK = 0x3ff

/** Reads one value. Trusts nothing: no length is believed before that many bytes are there. */
export class CborReader {
  #bytes: Uint8Array = NOTHING
  #at = 0
  #end = 0
  readonly #names: (string | undefined)[] = Array.from({ length: NAMES_MASK + 1 }, () => undefined)

  /** The one value that fills `bytes` from `start` on. @throws CorruptError, or what a constructor refused. */
  read(bytes: Uint8Array, start: number): unknown {
    this.#bytes = bytes
    this.#at = start
    this.#end = bytes.length
    try {
      const value = this.item(0)
      if (this.#at !== this.#end) throw corrupt('bytes follow the value')
      return value
    } finally {
      this.#bytes = NOTHING
    }
  }

  item(depth: number): unknown {
    const initial = this.#byte()
    switch (initial & 0xe0) {
      case cbor.UNSIGNED:
        return this.#argument(initial)
      case cbor.NEGATIVE:
        return -1 - this.#argument(initial)
      case cbor.BYTES:
        // Not slice(): a Buffer's shares memory.
        return new Uint8Array(this.#content(initial))
      case cbor.TEXT:
        return this.#text(initial)
      case cbor.ARRAY:
        return this.#array(initial, depth)
      case cbor.MAP:
        return this.#record(initial, depth)
      case cbor.TAG:
        return this.#tagged(this.#argument(initial), depth)
      default:
        return this.#simple(initial)
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw corrupt('it is truncated')
    return this.#bytes[this.#at++]!
  }

  #argument(initial: number): number {
    const info = initial & 0x1f
    if (info < 24) return info
    if (info === 24) return this.#byte()
    if (info === 25) return (this.#byte() << 8) | this.#byte()
    if (info === 26) return this.#uint32()
    throw corrupt(`unexpected initial byte ${initial}`)
  }

  #uint32(): number {
    const at = this.#at
    const bytes = this.#bytes
    if (4 > this.#end - at) throw corrupt('it is truncated')
    this.#at = at + 4
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  }

  /** The length of what follows, checked against what is there: each element takes at least one byte. */
  #length(initial: number): number {
    const length = this.#argument(initial)
    if (length > this.#end - this.#at) throw corrupt('it is truncated')
    return length
  }

  /** A view, to be copied before it is handed out. */
  #content(initial: number): Uint8Array {
    const length = this.#length(initial)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #simple(initial: number): unknown {
    switch (initial) {
      case cbor.FALSE:
        return false
      case cbor.TRUE:
        return true
      case cbor.NULL:
        return null
      case cbor.UNDEFINED:
        return undefined
      case cbor.FLOAT64:
        return this.#float64()
      default:
        throw corrupt(`unexpected initial byte ${initial}`)
    }
  }

  #float64(): number {
    // Through a view of its own: making one over the input would cost more than most values have numbers.
    float.setUint32(0, this.#uint32())
    float.setUint32(4, this.#uint32())
    return float.getFloat64(0)
  }

  #text(initial: number): string {
    const length = this.#length(initial)
    const start = this.#at
    this.#at = start + length
    if (length < LOOP_BYTES) {
      const units: number[] = []
      let i = 0
      for (; i < length; i++) {
        const byte = this.#bytes[start + i]!
        if (byte > 0x7f) break
        units.push(byte)
      }
      if (i === length) return String.fromCharCode.apply(undefined, units)
    }
    return utf8.decode(this.#bytes.subarray(start, this.#at))
  }

  #array(initial: number, depth: number): unknown[] {
    const length = this.#length(initial)
    if (depth >= cbor.MAX_DEPTH) throw corrupt('it is nested too deeply')
    // Grown as elements come: lengths within lengths could each be plausible and add up to far more than the input.
    const array: unknown[] = []
    for (let i = 0; i < length; i++) {
      if (this.#bytes[this.#at] === cbor.HOLE) {
        this.#at++
        array.length++
      } else array.push(this.item(depth + 1))
    }
    return array
  }

  #record(initial: number, depth: number): Record<string, unknown> {
    const length = this.#length(initial)
    if (depth >= cbor.MAX_DEPTH) throw corrupt('it is nested too deeply')
    const record: Record<string, unknown> = {}
    for (let i = 0; i < length; i++) {
      const name = this.#name()
      const value = this.item(depth + 1)
      if (name === '__proto__') setOwn(record, name, value, true)
      else record[name] = value
    }
    return record
  }

  /** Names recur from value to value: a short one that was read before is compared in place instead of built anew. */
  #name(): string {
    const at = this.#at
    const length = (this.#bytes[at] ?? 0) - cbor.TEXT
    if (length <= 0 || length >= 24 || length >= this.#end - at) return this.#longName()
    const bytes = this.#bytes
    const slot =
      (length + bytes[at + 1]! * 7 + bytes[at + length]! * 31 + bytes[at + ((length + 1) >> 1)]! * 131) & NAMES_MASK
    const known = this.#names[slot]
    if (known !== undefined && known.length === length && this.#matches(known, at + 1)) {
      this.#at = at + length + 1
      return known
    }
    const name = this.#longName()
    // Only ASCII has as many characters as bytes, and only of ASCII the characters are the bytes.
    if (name.length === length) this.#names[slot] = name
    return name
  }

  #matches(text: string, start: number): boolean {
    const bytes = this.#bytes
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
    return true
  }

  #longName(): string {
    const initial = this.#byte()
    if ((initial & 0xe0) === cbor.TEXT) return this.#text(initial)
    // What is not well-formed has a tag. As deep as can be: a name holds no containers, or names could nest without end.
    const name = this.#tagged(this.#argument(expect(initial, cbor.TAG)), cbor.MAX_DEPTH - 1)
    if (typeof name !== 'string') throw corrupt('a property name is not a string')
    return name
  }

  #tagged(tag: number, depth: number): unknown {
    // The kind of content is checked before it is read, or a chain of tags would nest without bound.
    const initial = this.#byte()
    switch (tag) {
      case cbor.TAG_DATE:
        return new Date(Math.round(this.#seconds(initial) * 1000))
      case cbor.TAG_GENERIC:
        return reviveGeneric(this.#array(expect(initial, cbor.ARRAY), depth))
      case cbor.TAG_SET:
        return new Set(this.#array(expect(initial, cbor.ARRAY), depth))
      case cbor.TAG_MAP:
        return this.#map(expect(initial, cbor.MAP), depth)
      default:
        return reviveTagged(tag, this.#content(expect(initial, cbor.BYTES)))
    }
  }

  #seconds(initial: number): number {
    if (initial === cbor.FLOAT64) return this.#float64()
    if ((initial & 0xe0) === cbor.NEGATIVE) return -1 - this.#argument(initial)
    return this.#argument(expect(initial, cbor.UNSIGNED))
  }

  #map(initial: number, depth: number): Map<unknown, unknown> {
    const length = this.#length(initial)
    if (depth >= cbor.MAX_DEPTH) throw corrupt('it is nested too deeply')
    const map = new Map<unknown, unknown>()
    for (let i = 0; i < length; i++) {
      const key = this.item(depth + 1)
      map.set(key, this.item(depth + 1))
    }
    return map
  }
}

function expect(initial: number, major: number): number {
  if ((initial & 0xe0) !== major) throw corrupt(`unexpected initial byte ${initial}`)
  return initial
}

function corrupt(what: string): CorruptError {
  return new CorruptError(`not an encoded value: ${what}`)
}
