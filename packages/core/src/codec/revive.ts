import { Tag } from 'cbor-x/decode'
import { CorruptError } from '../errors.ts'
import { Uuid } from '../keys/uuid.ts'
import * as tags from './cbor-tags.ts'
import { type ClassRegistry, instanceOf } from './class-registry.ts'
import { textOf } from './plain-text.ts'
import { errorFrom, setOwn } from './stored-error.ts'

type Float16Constructor = new (buffer: ArrayBufferLike) => ArrayBufferView

/**
 * What `encodable` was given, from what cbor-x made of it: puts in place of each Tag what it stands for. Changes `value`.
 *
 * @throws CorruptError, or what a constructor refused.
 */
export function revive(value: unknown, classes: ClassRegistry | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return reviveArray(value, classes)
  if (value instanceof Tag) return reviveTag(value, classes)
  if (value instanceof Map) return reviveMap(value, classes)
  if (value instanceof Set) return new Set(reviveEach(value, classes))
  return Object.getPrototypeOf(value) === Object.prototype
    ? reviveRecord(value as Record<string, unknown>, classes)
    : value
}

function reviveArray(array: unknown[], classes: ClassRegistry | undefined): unknown[] {
  for (let i = 0; i < array.length; i++) {
    const element = array[i]
    if (element instanceof Tag && element.tag === tags.HOLE) Reflect.deleteProperty(array, i)
    else if (typeof element === 'object') array[i] = revive(element, classes)
  }
  return array
}

/** Elsewhere than in arrays nothing can be absent. */
function reviveEach(parts: unknown, classes: ClassRegistry | undefined): unknown[] {
  return Array.from(parts as Iterable<unknown>, (part) => revive(part, classes))
}

function reviveRecord(record: Record<string, unknown>, classes: ClassRegistry | undefined): Record<string, unknown> {
  for (const name of Object.keys(record)) {
    const property = record[name]
    if (typeof property === 'object') record[name] = revive(property, classes)
  }
  return record
}

function reviveMap(map: Map<unknown, unknown>, classes: ClassRegistry | undefined): Map<unknown, unknown> {
  const revived = new Map<unknown, unknown>()
  for (const [key, value] of map) revived.set(revive(key, classes), revive(value, classes))
  return revived
}

/** The check has made sure of the kind of content, not of what it says. */
function reviveTag({ tag, value }: Tag, classes: ClassRegistry | undefined): unknown {
  switch (tag) {
    case tags.NEGATIVE_ZERO:
      if (value === 0) return -0
      break
    case tags.UUID:
      return Uuid.from(value as Uint8Array)
    case tags.UTF16:
      if ((value as Uint8Array).length % 2 === 0) return textOf(value as Uint8Array)
      break
    case tags.DATE_MS:
      return new Date(value as number)
    case tags.LARGE_BIGINT:
      return bigintOf(value as string)
    case tags.ARRAY_BUFFER:
      return (value as Uint8Array).buffer
    case tags.DATA_VIEW:
      return new DataView((value as Uint8Array).buffer)
    case tags.RECORD:
      return recordOf(reviveEach(value, classes))
    case tags.REG_EXP:
      return regExpOf(reviveEach(value, classes))
    case tags.ERROR:
      return errorOf(reviveEach(value, classes))
    case tags.INSTANCE:
      return instanceOf(reviveEach(value, classes), classes)
    case tags.FLOAT16:
    case tags.FLOAT16_BIG_ENDIAN:
      return float16ArrayOf(tag, value as Uint8Array)
  }
  throw new CorruptError(`not an encoded value: tag ${tag} is out of place or over a wrong value`)
}

function bigintOf(hex: string): bigint {
  return hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`)
}

function recordOf(entries: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (let i = 0; i < entries.length; i += 2) {
    const name = entries[i]
    if (typeof name !== 'string' || i + 1 === entries.length) throw wrongArguments('an object')
    setOwn(record, name, entries[i + 1], true)
  }
  return record
}

function regExpOf([source, flags]: readonly unknown[]): RegExp {
  if (typeof source !== 'string' || typeof flags !== 'string') throw wrongArguments('a RegExp')
  return new RegExp(source, flags)
}

function errorOf([name, message, stack, properties]: readonly unknown[]): Error {
  if (typeof name !== 'string' || !isText(message) || !isText(stack) || !isRecord(properties)) {
    throw wrongArguments('an error')
  }
  return errorFrom([name, message, stack, properties])
}

function float16ArrayOf(tag: number, bytes: Uint8Array): ArrayBufferView {
  // Absent from older runtimes.
  const constructor = (globalThis as { Float16Array?: Float16Constructor }).Float16Array
  if (constructor === undefined) {
    throw new CorruptError('the value holds a Float16Array, which this runtime lacks', { mayBeWhole: true })
  }
  if (tag !== tags.typedArrayTag('Float16Array')) {
    for (let i = 0; i + 1 < bytes.length; i += 2) bytes.subarray(i, i + 2).reverse()
  }
  return new constructor(bytes.buffer)
}

function isText(part: unknown): part is string | undefined {
  return part === undefined || typeof part === 'string'
}

function isRecord(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype
}

function wrongArguments(what: string): CorruptError {
  return new CorruptError(`not an encoded value: wrong arguments of ${what}`)
}
