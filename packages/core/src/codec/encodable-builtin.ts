import { Tag } from 'cbor-x/decode'
import { Uuid } from '../keys/uuid.ts'
import * as tags from './cbor-tags.ts'
import { type ClassRegistry, StoredInstance } from './class-registry.ts'
import { isPlainText } from './plain-text.ts'
import { Refusal } from './refusal.ts'
import { storedAs } from './stored-as.ts'
import { errorParts } from './stored-error.ts'

type Encodable = (value: unknown, depth: number, classes: ClassRegistry | undefined) => unknown

/** Whatever is written as a container passes here. `depth` counts the containers around it. @throws Refusal beyond MAX_DEPTH. */
export function enter(container: object, depth: number): void {
  if (depth < tags.MAX_DEPTH) return
  throw new Refusal(
    `is nested more than ${tags.MAX_DEPTH} levels deep`,
    'store its parts under keys of their own',
    container,
  )
}

/** What stands for an object that is neither plain nor an array. `encodable` is what its contents go through. */
export function encodableBuiltin(
  value: object,
  depth: number,
  encodable: Encodable,
  classes: ClassRegistry | undefined,
): unknown {
  const stored = storedAs(value)
  if (stored !== undefined) return encodable(stored.value, depth, classes)
  const known = classes?.of(value)
  if (known !== undefined)
    return encodableInstance(value, known.name, () => known.encode(value), depth, encodable, classes)
  if (ArrayBuffer.isView(value)) return encodableView(value)
  if (value instanceof Uuid) return new Tag(value.toBytes(), tags.UUID)
  const type = typeOf(value)
  if (type === 'Error') return encodableError(value as Error, depth, encodable, classes)
  if (!isSubclassed(value)) {
    switch (type) {
      case 'Date':
        return encodableDate(value as Date)
      case 'Map':
        return encodableMap(value as Map<unknown, unknown>, depth, encodable, classes)
      case 'Set':
        return encodableSet(value as Set<unknown>, depth, encodable, classes)
      case 'RegExp':
        return encodableRegExp(value as RegExp, depth, encodable)
      case 'ArrayBuffer':
        return new Tag(bytesOf(value as ArrayBuffer), tags.ARRAY_BUFFER)
    }
  }
  if (value instanceof StoredInstance) {
    return encodableInstance(value, value.className, () => value.data, depth, encodable, classes)
  }
  throw refused(value, type)
}

/** `dataOf` is code of the application: what it returns goes through `encodable` like any value. */
function encodableInstance(
  instance: object,
  name: string,
  dataOf: () => unknown,
  depth: number,
  encodable: Encodable,
  classes: ClassRegistry | undefined,
): Tag {
  enter(instance, depth)
  try {
    return new Tag([encodable(name, depth + 1, undefined), encodable(dataOf(), depth + 1, classes)], tags.INSTANCE)
  } catch (thrown) {
    throw Refusal.from(thrown).within(instance, '')
  }
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
  return new Refusal(
    `is an instance of ${name}`,
    'register the class with the codec, or store plain data and rebuild the instance from it',
  )
}

/** Built-ins that can be stored inherit from Object.prototype at the second step; instances of their subclasses later. */
function isSubclassed(value: object): boolean {
  const inherited: unknown = Object.getPrototypeOf(Object.getPrototypeOf(value))
  return inherited === null || Object.getPrototypeOf(inherited) !== null
}

/** Seconds, where they give back the same milliseconds. */
function encodableDate(date: Date): Tag {
  const ms = date.getTime()
  const seconds = ms / 1000
  const exact = Number.isNaN(ms) || Math.round(seconds * 1000) === ms
  return exact ? new Tag(seconds, tags.DATE) : new Tag(ms, tags.DATE_MS)
}

function encodableRegExp({ source, flags }: RegExp, depth: number, encodable: Encodable): Tag {
  return isPlainText(source)
    ? new Tag(['RegExp', source, flags], tags.GENERIC)
    : new Tag([encodable(source, depth + 1, undefined), flags], tags.REG_EXP)
}

function encodableError(error: Error, depth: number, encodable: Encodable, classes: ClassRegistry | undefined): Tag {
  const [name, message, stack, properties] = errorParts(error)
  enter(error, depth + 1)
  try {
    return new Tag(
      [name, message, stack, properties].map((part) => encodable(part, depth + 1, classes)),
      tags.ERROR,
    )
  } catch (thrown) {
    throw Refusal.from(thrown).within(error, '')
  }
}

/** cbor-x gives a Map its tag. */
function encodableMap(
  map: Map<unknown, unknown>,
  depth: number,
  encodable: Encodable,
  classes: ClassRegistry | undefined,
): Map<unknown, unknown> {
  const copy = new Map<unknown, unknown>()
  let step = ''
  try {
    // Spread first, as getters inside could change the map while it is walked.
    for (const [i, [key, value]] of [...Map.prototype.entries.call(map)].entries()) {
      step = ` (key ${i} of the Map)`
      const encodableKey = encodable(key, depth + 1, classes)
      step = typeof key === 'string' ? `.get(${JSON.stringify(key)})` : ` (value ${i} of the Map)`
      copy.set(encodableKey, encodable(value, depth + 1, classes))
    }
    return copy
  } catch (thrown) {
    throw Refusal.from(thrown).within(map, step)
  }
}

function encodableSet(set: Set<unknown>, depth: number, encodable: Encodable, classes: ClassRegistry | undefined): Tag {
  const elements = [...Set.prototype.values.call(set)]
  let i = 0
  try {
    for (; i < elements.length; i++) elements[i] = encodable(elements[i], depth + 1, classes)
    return new Tag(elements, tags.SET)
  } catch (thrown) {
    throw Refusal.from(thrown).within(set, ` (element ${i} of the Set)`)
  }
}

/** Buffer and other subclasses come back as the typed array that they extend. */
function encodableView(view: ArrayBufferView): unknown {
  const type = String((view as unknown as Record<symbol, unknown>)[Symbol.toStringTag])
  const bytes = bytesOf(view.buffer, view)
  if (type === 'Uint8Array') return bytes
  if (type === 'DataView') return new Tag(bytes, tags.DATA_VIEW)
  const tag = tags.typedArrayTag(type)
  if (tag === undefined) throw new Refusal(`is a ${type}`, 'store its bytes as a Uint8Array')
  return new Tag(bytes, tag)
}

/** @throws Refusal where there is no memory left to look at: its owner has handed it over, to a worker for one. */
function bytesOf(buffer: ArrayBufferLike, view?: ArrayBufferView): Uint8Array {
  if (buffer instanceof ArrayBuffer && buffer.detached) {
    throw new Refusal('is on a detached buffer, which holds nothing', 'store it before its buffer is transferred')
  }
  return view === undefined ? new Uint8Array(buffer) : new Uint8Array(buffer, view.byteOffset, view.byteLength)
}
