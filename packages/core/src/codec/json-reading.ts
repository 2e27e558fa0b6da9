import { CorruptError } from '../errors.ts'
import { Uuid } from '../keys/uuid.ts'
import { fromBase64 } from './base64.ts'
import { MAX_BIGINT_BYTES, MAX_DEPTH } from './cbor-tags.ts'
import { type ClassRegistry, instanceOf } from './class-registry.ts'
import { viewOver } from './element-order.ts'
import { errorFrom, type ErrorParts, setOwn } from './stored-error.ts'

/** Each container is at most three levels of JSON: an object around an array around an array. */
const MAX_LEVELS = MAX_DEPTH * 3 + 10

/** So many decimal digits has the largest bigint that is not written in hexadecimal ones: reading more takes quadratic time. */
const MAX_DECIMALS = Math.ceil(MAX_BIGINT_BYTES * 8 * Math.log10(2))

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ['-0', -0],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/** @returns a function that gives the value which a JSON form stands for. It throws CorruptError, and what constructors throw. */
export function jsonReader(classes: ClassRegistry): (form: unknown) => unknown {
  function read(form: unknown, level: number): unknown {
    if (typeof form !== 'object' || form === null) return form
    if (level > MAX_LEVELS) throw new CorruptError('not an encoded value: it is nested too deeply')
    if (Array.isArray(form)) return readArray(form, level)
    const names = Object.keys(form)
    const name = names[0]
    return names.length === 1 && name!.startsWith('$')
      ? special(name!, (form as Record<string, unknown>)[name!], level + 1)
      : readRecord(form as Record<string, unknown>, names, level)
  }

  function readEach(forms: unknown, level: number): unknown[] {
    return list(forms).map((form) => read(form, level + 1))
  }

  function readArray(forms: readonly unknown[], level: number): unknown[] {
    const array: unknown[] = []
    array.length = forms.length
    for (const [i, form] of forms.entries()) if (!isHole(form)) array[i] = read(form, level + 1)
    return array
  }

  function readRecord(form: Record<string, unknown>, names: readonly string[], level: number): Record<string, unknown> {
    const record: Record<string, unknown> = {}
    for (const name of names) {
      const value = read(form[name], level + 1)
      if (name === '__proto__') setOwn(record, name, value, true)
      else record[name] = value
    }
    return record
  }

  function special(name: string, content: unknown, level: number): unknown {
    switch (name) {
      case '$plain': {
        const names = typeof content === 'object' && content !== null ? Object.keys(content) : []
        if (names.length !== 1) throw unreadable(name)
        return readRecord(content as Record<string, unknown>, names, level)
      }
      case '$undefined':
        return undefined
      case '$map':
        return new Map(list(content).map((pair) => pairOf(readEach(pair, level + 1))))
      case '$set':
        return new Set(readEach(content, level))
      case '$error':
        return errorFrom(errorParts(readEach(content, level)))
      case '$class':
        return instanceOf(readEach(content, level), classes)
      default:
        return scalar(name, content)
    }
  }

  return (form) => read(form, 0)
}

/** What consists of texts alone. */
function scalar(name: string, content: unknown): unknown {
  switch (name) {
    case '$number': {
      const number = NUMBERS.get(content)
      if (number === undefined) throw unreadable(name)
      return number
    }
    case '$bigint':
      return bigintOf(text(content))
    case '$bytes':
      return fromBase64(text(content))
    case '$date':
      return dateOf(content)
    case '$uuid':
      return Uuid.parse(text(content))
    case '$regexp': {
      const [source, flags, ...more] = list(content)
      if (more.length > 0) throw unreadable(name)
      return new RegExp(text(source), text(flags))
    }
    case '$view':
      return bufferOf(list(content))
    default:
      throw unreadable(name)
  }
}

function isHole(form: unknown): boolean {
  return typeof form === 'object' && form !== null && '$hole' in form && Object.keys(form).length === 1
}

function dateOf(content: unknown): Date {
  const date = new Date(content === null ? Number.NaN : text(content))
  if (content !== null && Number.isNaN(date.getTime())) throw unreadable('$date')
  return date
}

function bigintOf(digits: string): bigint {
  if (!/^-?(0x[\da-f]+|\d+)$/.test(digits)) throw unreadable('$bigint')
  const absolute = digits.startsWith('-') ? digits.slice(1) : digits
  if (absolute.length > MAX_DECIMALS && !absolute.startsWith('0x')) throw unreadable('$bigint')
  return absolute === digits ? BigInt(absolute) : -BigInt(absolute)
}

function bufferOf([kind, base64, ...more]: readonly unknown[]): ArrayBuffer | ArrayBufferView {
  const bytes = fromBase64(text(base64))
  if (more.length > 0) throw unreadable('$view')
  if (kind === 'ArrayBuffer') return bytes.buffer
  if (kind === 'DataView') return new DataView(bytes.buffer)
  const view = viewOver(text(kind), bytes)
  if (view === undefined)
    throw new CorruptError(`the value holds a ${text(kind)}, which this runtime lacks, or a part of one`, {
      mayBeWhole: true,
    })
  return view
}

function pairOf(pair: readonly unknown[]): [unknown, unknown] {
  if (pair.length !== 2) throw unreadable('$map')
  return [pair[0], pair[1]]
}

function errorParts([name, message, stack, properties, ...more]: readonly unknown[]): ErrorParts {
  const isRecord = typeof properties === 'object' && properties !== null && !Array.isArray(properties)
  if (!isRecord || more.length > 0) throw unreadable('$error')
  return [
    text(name),
    message === undefined ? undefined : text(message),
    stack === undefined ? undefined : text(stack),
    properties as Record<string, unknown>,
  ]
}

function list(content: unknown): readonly unknown[] {
  if (!Array.isArray(content)) throw new CorruptError('not an encoded value: a list is missing')
  return content
}

function text(content: unknown): string {
  if (typeof content !== 'string') throw new CorruptError('not an encoded value: a text is missing')
  return content
}

function unreadable(name: string): CorruptError {
  return new CorruptError(`not an encoded value: what ${name} says is nothing that is written`)
}
