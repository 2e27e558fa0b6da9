import { CorruptError } from '../errors.ts'
import { Uuid } from '../keys/uuid.ts'
import * as cbor from './cbor-format.ts'
import { errorFrom } from './stored-error.ts'

/** The value of a tag over a byte string. Copies `bytes`. */
export function reviveTagged(tag: number, bytes: Uint8Array): unknown {
  switch (tag) {
    case cbor.TAG_BIGINT:
      return magnitude(bytes)
    case cbor.TAG_NEGATIVE_BIGINT:
      return -1n - magnitude(bytes)
    case cbor.TAG_UUID:
      return Uuid.from(bytes)
    default:
      return typedArray(tag, bytes)
  }
}

/** The value of a generic object: `[type name, ...arguments]`. */
export function reviveGeneric([type, ...parts]: readonly unknown[]): unknown {
  const [first, second, third, fourth] = parts
  switch (type) {
    case 'String':
      if (first instanceof Uint16Array) return textOf(first)
      break
    case 'Date':
      if (typeof first === 'number') return new Date(first)
      break
    case 'RegExp':
      if (typeof first === 'string' && typeof second === 'string') return new RegExp(first, second)
      break
    case 'ArrayBuffer':
      if (first instanceof Uint8Array) return first.buffer
      break
    case 'DataView':
      if (first instanceof Uint8Array) return new DataView(first.buffer)
      break
    case 'Error':
      if (typeof first === 'string' && isText(second) && isText(third) && isRecord(fourth)) {
        return errorFrom([first, second, third, fourth])
      }
  }
  throw new CorruptError('not an encoded value: a generic object of an unknown type or with wrong arguments')
}

function magnitude(bytes: Uint8Array): bigint {
  let hex = ''
  for (const byte of bytes) hex += (byte + 0x100).toString(16).slice(1)
  return hex === '' ? 0n : BigInt(`0x${hex}`)
}

function typedArray(tag: number, bytes: Uint8Array): ArrayBufferView {
  const format = cbor.TYPED_ARRAYS.find((candidate) => candidate[1] === tag)
  if (format === undefined) throw new CorruptError(`not an encoded value: unknown tag ${tag}`)
  const constructor = cbor.typedArrayConstructor(format[0])
  if (constructor === undefined)
    throw new CorruptError(`the value holds a ${format[0]}, which this runtime does not have`)
  return new constructor(cbor.copyElements(bytes, format[2]).buffer)
}

function textOf(units: Uint16Array): string {
  let text = ''
  for (let i = 0; i < units.length; i += 4096) text += String.fromCharCode(...units.subarray(i, i + 4096))
  return text
}

function isText(part: unknown): part is string | undefined {
  return part === undefined || typeof part === 'string'
}

function isRecord(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype
}
