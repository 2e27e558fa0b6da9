import { Uuid } from '../keys/uuid.ts'
import * as cbor from './cbor-format.ts'
import type { CborWriter } from './cbor-writer.ts'
import { errorParts } from './stored-error.ts'
import { Refusal } from './refusal.ts'

/** Writes whatever is neither a simple primitive, nor a well-formed string, nor an array, nor a plain object. */
export function writeBuiltin(writer: CborWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'bigint':
      return writeBigint(writer, value)
    case 'string':
      writer.enter(undefined, depth)
      return writeGeneric(writer, ['String', codeUnits(value)], depth)
    case 'object':
      return writeObject(writer, value!, depth)
    default:
      throw new Refusal(`is a ${typeof value}`, 'leave it out: only data can be stored')
  }
}

function writeObject(writer: CborWriter, value: object, depth: number): void {
  if (ArrayBuffer.isView(value)) return writeView(writer, value, depth)
  if (value instanceof Uuid) {
    writer.head(cbor.TAG, cbor.TAG_UUID)
    return writer.byteString(value.toBytes())
  }
  const type = typeOf(value)
  if (type === 'Error') return writeError(writer, value as Error, depth)
  if (isForeignPlainObject(value)) return writer.record(value as Record<string, unknown>, depth)
  if (!isSubclassed(value)) {
    switch (type) {
      case 'Date':
        return writeDate(writer, value as Date, depth)
      case 'Map':
        return writeMap(writer, value as Map<unknown, unknown>, depth)
      case 'Set':
        writer.head(cbor.TAG, cbor.TAG_SET)
        return writeElements(writer, value as Set<unknown>, depth)
      case 'RegExp':
        return writeGeneric(writer, ['RegExp', (value as RegExp).source, (value as RegExp).flags], depth)
      case 'ArrayBuffer':
        return writeGeneric(writer, ['ArrayBuffer', new Uint8Array(value as ArrayBuffer)], depth)
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

function writeBigint(writer: CborWriter, value: bigint): void {
  const negative = value < 0n
  let hex = (negative ? -1n - value : value).toString(16)
  if (hex === '0') hex = ''
  else if (hex.length % 2 === 1) hex = `0${hex}`
  const magnitude = new Uint8Array(hex.length / 2)
  for (let i = 0; i < magnitude.length; i++) magnitude[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  writer.head(cbor.TAG, negative ? cbor.TAG_NEGATIVE_BIGINT : cbor.TAG_BIGINT)
  writer.byteString(magnitude)
}

/** Seconds where they give back the same milliseconds, which is for some 100,000 years; else (and invalid dates) milliseconds. */
function writeDate(writer: CborWriter, date: Date, depth: number): void {
  const ms = date.getTime()
  const seconds = ms / 1000
  if (Math.round(seconds * 1000) !== ms) return writeGeneric(writer, ['Date', ms], depth)
  writer.head(cbor.TAG, cbor.TAG_DATE)
  writer.number(seconds)
}

function writeError(writer: CborWriter, error: Error, depth: number): void {
  const [name, message, stack, properties] = errorParts(error)
  writer.enter(error, depth + 1)
  try {
    writer.head(cbor.TAG, cbor.TAG_GENERIC)
    writer.head(cbor.ARRAY, 5)
    for (const part of ['Error', name, message, stack]) writer.item(part, depth + 1)
    writer.record(properties, depth + 1)
  } catch (thrown) {
    throw Refusal.from(thrown).within(error, '')
  }
}

function writeMap(writer: CborWriter, map: Map<unknown, unknown>, depth: number): void {
  // A copy, as getters inside could change the map while it is written.
  const entries = [...Map.prototype.entries.call(map)]
  writer.head(cbor.TAG, cbor.TAG_MAP)
  writer.head(cbor.MAP, entries.length)
  let step = ''
  try {
    for (const [i, [key, value]] of entries.entries()) {
      step = ` (key ${i} of the Map)`
      writer.item(key, depth + 1)
      step = typeof key === 'string' ? `.get(${JSON.stringify(key)})` : ` (value ${i} of the Map)`
      writer.item(value, depth + 1)
    }
  } catch (thrown) {
    throw Refusal.from(thrown).within(map, step)
  }
}

function writeElements(writer: CborWriter, set: Set<unknown>, depth: number): void {
  const elements = [...Set.prototype.values.call(set)]
  writer.head(cbor.ARRAY, elements.length)
  let i = 0
  try {
    for (; i < elements.length; i++) writer.item(elements[i], depth + 1)
  } catch (thrown) {
    throw Refusal.from(thrown).within(set, ` (element ${i} of the Set)`)
  }
}

/** Buffer and other subclasses come back as the typed array that they extend. */
function writeView(writer: CborWriter, view: ArrayBufferView, depth: number): void {
  const type = (view as unknown as Record<symbol, unknown>)[Symbol.toStringTag]
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  if (type === 'Uint8Array') return writer.byteString(bytes)
  if (type === 'DataView') return writeGeneric(writer, ['DataView', bytes], depth)
  const format = cbor.TYPED_ARRAYS.find(([name]) => name === type)
  if (format === undefined) throw new Refusal(`is a ${String(type)}`, 'store its bytes as a Uint8Array')
  writer.head(cbor.TAG, format[1])
  writer.byteString(cbor.copyElements(bytes, format[2]))
}

function writeGeneric(writer: CborWriter, parts: readonly unknown[], depth: number): void {
  writer.head(cbor.TAG, cbor.TAG_GENERIC)
  writer.head(cbor.ARRAY, parts.length)
  for (const part of parts) writer.item(part, depth + 1)
}

function codeUnits(text: string): Uint16Array {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
}
