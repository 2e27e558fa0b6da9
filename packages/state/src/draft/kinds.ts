import { Uuid } from '@tidemark/core'

/** What holds other values, and is copied on a change: everything else in a state is replaced as a whole. */
export type Container = Record<string, unknown> | unknown[] | Map<unknown, unknown> | Set<unknown>

export type Bytes = ArrayBufferView | ArrayBuffer

export type Kind = 'record' | 'array' | 'map' | 'set' | 'date' | 'regexp' | 'bytes' | 'constant' | undefined

/** What an object in a state is; undefined: it cannot be in one. */
export function kindOf(value: object): Kind {
  if (Array.isArray(value)) return 'array'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return 'record'
  if (value instanceof Map) return 'map'
  if (value instanceof Set) return 'set'
  if (value instanceof Date) return 'date'
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'bytes'
  if (value instanceof RegExp) return 'regexp'
  if (value instanceof Uuid) return 'constant'
  return isForeignRecord(prototype as object) ? 'record' : undefined
}

export function isContainer(value: object): value is Container {
  const kind = kindOf(value)
  return kind === 'record' || kind === 'array' || kind === 'map' || kind === 'set'
}

/** Of another realm: a frame, or a test runner's sandbox. */
function isForeignRecord(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

/** The bytes of a view or a buffer; shares their memory. */
export function bytesOf(value: Bytes): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

/** Over memory of its own, of the built-in class: what a decoded one would be. */
export function copyOfBytes(value: Bytes): Bytes {
  const { buffer } = Uint8Array.from(bytesOf(value))
  if (!ArrayBuffer.isView(value)) return buffer
  const name = Object.prototype.toString.call(value).slice(8, -1)
  type ViewClass = new (memory: ArrayBuffer) => ArrayBufferView
  return new (globalThis as unknown as Record<string, ViewClass>)[name]!(buffer)
}

/** As a decoded one: it has not been used yet. */
export function copyOfRegExp({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags)
}

export function areEqualBytes(a: Bytes, b: Bytes): boolean {
  const left = bytesOf(a)
  const right = bytesOf(b)
  return left.length === right.length && left.every((byte, i) => byte === right[i])
}
