import { Uuid } from '../keys/uuid.ts'
import * as cbor from './cbor-format.ts'
import type { CborOutput } from './cbor-output.ts'
import { errorParts } from './stored-error.ts'
import { Refusal } from './refusal.ts'

/** Writes whatever is neither a simple primitive, nor a well-formed string, nor an array, nor a plain object. */
export function writeBuiltin(output: CborOutput, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'bigint':
      return writeBigint(output, value)
    case 'string':
      output.enter(undefined, depth)
      return writeGeneric(output, ['String', codeUnits(value)], depth)
    case 'object':
      return writeObject(output, value!, depth)
    default:
      throw new Refusal(`is a ${typeof value}`, 'leave it out: only data can be stored')
  }
}

function writeObject(output: CborOutput, value: object, depth: number): void {
  if (ArrayBuffer.isView(value)) return writeView(output, value, depth)
  if (value instanceof Uuid) {
    output.head(cbor.TAG, cbor.TAG_UUID)
    return output.byteString(value.toBytes())
  }
  const type = typeOf(value)
  if (type === 'Error') return writeError(output, value as Error, depth)
  if (isForeignPlainObject(value)) return output.record(value as Record<string, unknown>, depth)
  if (!isSubclassed(value)) {
    switch (type) {
      case 'Date':
        return writeDate(output, value as Date, depth)
      case 'Map':
        return writeMap(output, value as Map<unknown, unknown>, depth)
      case 'Set':
        output.head(cbor.TAG, cbor.TAG_SET)
        return writeElements(output, value as Set<unknown>, depth)
      case 'RegExp':
        return writeGeneric(output, ['RegExp', (value as RegExp).source, (value as RegExp).flags], depth)
      case 'ArrayBuffer':
        return writeGeneric(output, ['ArrayBuffer', new Uint8Array(value as ArrayBuffer)], depth)
    }
  }
  throw refused(value, type)
}

/** Recognises built-ins of other realms too (a frame, a test runner's sandbox), which instanceof does not. */
function typeOf(value: object): string {
  if (value instanceof Error) return 'Error'
  const type = Object.prototype.toString.call(value).slice(8, -1)
  switch (type) {
    case 'Error':
    case 'Date':
    case 'RegExp':
      // These have no tag that they could inherit: whoever has one only pretends.
      return Symbol.toStringTag in value ? 'Object' : type
    case 'ArrayBuffer':
      return typeof Reflect.get(ArrayBuffer.prototype, 'byteLength', value) === 'number' ? type : 'Object'
    default:
      return type
  }
}

function refused(value: object, type: string): Refusal {
  if (type === 'Promise') return new Refusal('is a Promise', 'await it first')
  const constructor: unknown = (value as { constructor?: unknown }).constructor
  const name = typeof constructor === 'function' && constructor.name !== '' ? constructor.name : type
  return new Refusal(`is an instance of ${name}`, 'store plain data and rebuild the instance from it after reading')
}

/** Built-ins that can be stored inherit from Object.prototype at the second step; instances of their subclasses later. */
function isSubclassed(value: object): boolean {
  const inherited: unknown = Object.getPrototypeOf(Object.getPrototypeOf(value))
  return inherited === null || Object.getPrototypeOf(inherited) !== null
}

function isForeignPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function writeBigint(output: CborOutput, value: bigint): void {
  const negative = value < 0n
  let hex = (negative ? -1n - value : value).toString(16)
  if (hex === '0') hex = ''
  else if (hex.length % 2 === 1) hex = `0${hex}`
  const magnitude = new Uint8Array(hex.length / 2)
  for (let i = 0; i < magnitude.length; i++) magnitude[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  output.head(cbor.TAG, negative ? cbor.TAG_NEGATIVE_BIGINT : cbor.TAG_BIGINT)
  output.byteString(magnitude)
}

/** Seconds where they give back the same milliseconds, which is for some 100,000 years; else (and invalid dates) milliseconds. */
function writeDate(output: CborOutput, date: Date, depth: number): void {
  const ms = date.getTime()
  const seconds = ms / 1000
  if (Math.round(seconds * 1000) !== ms) return writeGeneric(output, ['Date', ms], depth)
  output.head(cbor.TAG, cbor.TAG_DATE)
  output.number(seconds)
}

function writeError(output: CborOutput, error: Error, depth: number): void {
  const [name, message, stack, properties] = errorParts(error)
  output.enter(error, depth + 1)
  try {
    output.head(cbor.TAG, cbor.TAG_GENERIC)
    output.head(cbor.ARRAY, 5)
    for (const part of ['Error', name, message, stack]) output.item(part, depth + 1)
    output.record(properties, depth + 1)
  } catch (thrown) {
    throw Refusal.from(thrown).within(error, '')
  }
}

function writeMap(output: CborOutput, map: Map<unknown, unknown>, depth: number): void {
  // A copy, as getters inside could change the map while it is written.
  const entries = [...Map.prototype.entries.call(map)]
  output.head(cbor.TAG, cbor.TAG_MAP)
  output.head(cbor.MAP, entries.length)
  let step = ''
  try {
    for (const [i, [key, value]] of entries.entries()) {
      step = ` (key ${i} of the Map)`
      output.item(key, depth + 1)
      step = typeof key === 'string' ? `.get(${JSON.stringify(key)})` : ` (value ${i} of the Map)`
      output.item(value, depth + 1)
    }
  } catch (thrown) {
    throw Refusal.from(thrown).within(map, step)
  }
}

function writeElements(output: CborOutput, set: Set<unknown>, depth: number): void {
  const elements = [...Set.prototype.values.call(set)]
  output.head(cbor.ARRAY, elements.length)
  let i = 0
  try {
    for (; i < elements.length; i++) output.item(elements[i], depth + 1)
  } catch (thrown) {
    throw Refusal.from(thrown).within(set, ` (element ${i} of the Set)`)
  }
}

/** Buffer and other subclasses come back as the typed array that they extend. */
function writeView(output: CborOutput, view: ArrayBufferView, depth: number): void {
  const type = (view as unknown as Record<symbol, unknown>)[Symbol.toStringTag]
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  if (type === 'Uint8Array') return output.byteString(bytes)
  if (type === 'DataView') return writeGeneric(output, ['DataView', bytes], depth)
  const format = cbor.TYPED_ARRAYS.find(([name]) => name === type)
  if (format === undefined) throw new Refusal(`is a ${String(type)}`, 'store its bytes as a Uint8Array')
  output.head(cbor.TAG, format[1])
  output.byteString(cbor.copyElements(bytes, format[2]))
}

function writeGeneric(output: CborOutput, parts: readonly unknown[], depth: number): void {
  output.head(cbor.TAG, cbor.TAG_GENERIC)
  output.head(cbor.ARRAY, parts.length)
  for (const part of parts) output.item(part, depth + 1)
}

function codeUnits(text: string): Uint16Array {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
}
