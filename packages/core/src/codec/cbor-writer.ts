import * as cbor from './cbor-format.ts'
import { writeBuiltin } from './cbor-builtins.ts'
import type { CborOutput } from './cbor-output.ts'
import { propertyStep, Refusal } from './refusal.ts'

const INITIAL_BYTES = 8192
/** A buffer that one large value made this big is not kept for the small ones that follow. */
const KEEP_BYTES = 1 << 20
/** Up to here a loop beats the fixed cost of TextEncoder. */
const LOOP_CHARACTERS = 32
/** Up to here three bytes per character are reserved; beyond, an exact intermediate copy costs less. */
const IN_PLACE_CHARACTERS = 0x4000
const utf8 = new TextEncoder()
const objectPrototype: unknown = Object.prototype

/** Writes values one after another into a buffer of its own. Not reentrant: getters of a value may need a second one. */
export class CborWriter implements CborOutput {
  #bytes = new Uint8Array(INITIAL_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  /** The prefix followed by the value, in memory that nothing else refers to. @throws Refusal */
  write(prefix: Uint8Array, value: unknown): Uint8Array {
    this.#bytes.set(prefix)
    this.#at = prefix.length
    this.item(value, 0)
    const result = this.#bytes.slice(0, this.#at)
    if (this.#bytes.length > KEEP_BYTES) this.#allocate(INITIAL_BYTES)
    return result
  }

  item(value: unknown, depth: number): void {
    this.#reserve(9)
    switch (typeof value) {
      case 'string':
        return this.#text(value, depth)
      case 'number':
        return this.number(value)
      case 'boolean':
        this.#bytes[this.#at++] = value ? cbor.TRUE : cbor.FALSE
        return
      case 'undefined':
        this.#bytes[this.#at++] = cbor.UNDEFINED
        return
      case 'object':
        if (value === null) this.#bytes[this.#at++] = cbor.NULL
        else this.#object(value, depth)
        return
      default:
        return writeBuiltin(this, value, depth)
    }
  }

  #object(value: object, depth: number): void {
    this.enter(value, depth)
    if (Array.isArray(value)) return this.#array(value, depth)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === objectPrototype || prototype === null) this.record(value as Record<string, unknown>, depth)
    else writeBuiltin(this, value, depth)
  }

  enter(container: object | undefined, depth: number): void {
    if (depth < cbor.MAX_DEPTH) return
    throw new Refusal(
      `is nested more than ${cbor.MAX_DEPTH} levels deep`,
      'store its parts under keys of their own',
      container,
    )
  }

  record(value: Record<string, unknown>, depth: number): void {
    const names = Object.keys(value)
    this.head(cbor.MAP, names.length)
    let i = 0
    try {
      for (; i < names.length; i++) {
        const name = names[i]!
        this.#text(name, 0)
        this.item(value[name], depth + 1)
      }
    } catch (thrown) {
      throw Refusal.from(thrown).within(value, propertyStep(names[i]!))
    }
  }

  #array(value: readonly unknown[], depth: number): void {
    const length = value.length
    this.head(cbor.ARRAY, length)
    let i = 0
    try {
      for (; i < length; i++) {
        const element = value[i]
        if (element === undefined && !(i in value)) this.#simple(cbor.HOLE)
        else this.item(element, depth + 1)
      }
    } catch (thrown) {
      throw Refusal.from(thrown).within(value, `[${i}]`)
    }
  }

  #simple(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = byte
  }

  number(value: number): void {
    if (value >>> 0 === value && !Object.is(value, -0)) return this.head(cbor.UNSIGNED, value)
    if (value >> 0 === value && value !== 0) return this.head(cbor.NEGATIVE, -1 - value)
    this.#reserve(9)
    this.#bytes[this.#at] = cbor.FLOAT64
    this.#view.setFloat64(this.#at + 1, value)
    this.#at += 9
  }

  head(major: number, argument: number): void {
    this.#reserve(5)
    const bytes = this.#bytes
    if (argument < 24) bytes[this.#at++] = major | argument
    else if (argument < 0x100) {
      bytes[this.#at++] = major | 24
      bytes[this.#at++] = argument
    } else if (argument < 0x1_0000) {
      bytes[this.#at++] = major | 25
      bytes[this.#at++] = argument >> 8
      bytes[this.#at++] = argument
    } else {
      bytes[this.#at++] = major | 26
      this.#view.setUint32(this.#at, argument)
      this.#at += 4
    }
  }

  byteString(content: Uint8Array): void {
    this.head(cbor.BYTES, content.length)
    this.#append(content)
  }

  #text(text: string, depth: number): void {
    const length = text.length
    if (length < LOOP_CHARACTERS) {
      this.#reserve(length + 2)
      const bytes = this.#bytes
      let at = this.#at + (length < 24 ? 1 : 2)
      let i = 0
      for (; i < length; i++) {
        const unit = text.charCodeAt(i)
        if (unit > 0x7f) break
        bytes[at++] = unit
      }
      if (i === length) {
        this.head(cbor.TEXT, length)
        this.#at = at
        return
      }
    }
    if (!text.isWellFormed()) writeBuiltin(this, text, depth)
    else if (length < IN_PLACE_CHARACTERS) this.#textInPlace(text)
    else {
      const content = utf8.encode(text)
      this.head(cbor.TEXT, content.length)
      this.#append(content)
    }
  }

  #textInPlace(text: string): void {
    this.#reserve(text.length * 3 + 3)
    const bytes = this.#bytes
    const start = this.#at
    // Leaves room for the head that ASCII would need; anything else may need a longer one.
    const expected = start + headBytes(text.length)
    const { written } = utf8.encodeInto(text, bytes.subarray(expected))
    const actual = start + headBytes(written)
    if (actual !== expected) bytes.copyWithin(actual, expected, expected + written)
    this.head(cbor.TEXT, written)
    this.#at += written
  }

  #append(content: Uint8Array): void {
    this.#reserve(content.length)
    this.#bytes.set(content, this.#at)
    this.#at += content.length
  }

  #reserve(length: number): void {
    if (this.#at + length > this.#bytes.length) this.#grow(this.#at + length)
  }

  #grow(needed: number): void {
    if (needed > cbor.MAX_BYTES) {
      throw new Refusal(
        `makes the encoded value larger than ${cbor.MAX_BYTES} bytes`,
        'store its parts under keys of their own',
      )
    }
    const full = this.#bytes
    this.#allocate(Math.max(needed, full.length * 2))
    this.#bytes.set(full)
  }

  #allocate(length: number): void {
    this.#bytes = new Uint8Array(length)
    this.#view = new DataView(this.#bytes.buffer)
  }
}

function headBytes(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : 3
}
