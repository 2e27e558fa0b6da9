import { Tag } from 'cbor-x/decode'
import { Uuid } from '../keys/uuid.ts'
import { toBase64 } from './base64.ts'
import * as tags from './cbor-tags.ts'
import { elementsSwapped } from './element-order.ts'
import { textOf } from './plain-text.ts'

type Parts = readonly unknown[]

/** What stands in JSON for what `encodable` has made of a value, which is a tree of nothing unexpected. */
export function jsonOf(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : { $number: String(value) }
    case 'bigint':
      return { $bigint: String(value) }
    case 'undefined':
      return { $undefined: true }
    case 'object':
      return value === null ? null : jsonOfObject(value)
    default:
      return value
  }
}

function jsonOfObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(jsonOf)
  if (value instanceof Tag) return jsonOfTag(value)
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) }
  if (value instanceof Map) return { $map: Array.from(value, (pair) => pair.map(jsonOf)) }
  return escaped(Object.fromEntries(Object.entries(value).map(([name, property]) => [name, jsonOf(property)])))
}

function jsonOfTag({ tag, value }: Tag): unknown {
  switch (tag) {
    case tags.UTF16:
      return textOf(value as Uint8Array)
    case tags.NEGATIVE_ZERO:
      return { $number: '-0' }
    case tags.LARGE_BIGINT:
      return { $bigint: hexadecimal(value as string) }
    case tags.HOLE:
      return { $hole: true }
    case tags.DATE:
      return { $date: isoOf(Math.round((value as number) * 1000)) }
    case tags.DATE_MS:
      return { $date: isoOf(value as number) }
    case tags.UUID:
      return { $uuid: Uuid.from(value as Uint8Array).text }
    case tags.SET:
      return { $set: (value as Parts).map(jsonOf) }
    case tags.GENERIC:
      return { $regexp: (value as Parts).slice(1) }
    case tags.REG_EXP:
      return { $regexp: (value as Parts).map(jsonOf) }
    case tags.ERROR:
      return { $error: (value as Parts).map(jsonOf) }
    case tags.INSTANCE:
      return { $class: (value as Parts).map(jsonOf) }
    case tags.RECORD:
      return escaped(recordOf(value as Parts))
    case tags.ARRAY_BUFFER:
      return { $view: ['ArrayBuffer', toBase64(value as Uint8Array)] }
    case tags.DATA_VIEW:
      return { $view: ['DataView', toBase64(value as Uint8Array)] }
    default:
      return { $view: viewOf(tag, value as Uint8Array) }
  }
}

/** No two values look the same. */
function escaped(record: object): object {
  const [name, ...others] = Object.keys(record)
  return name?.startsWith('$') === true && others.length === 0 ? { $plain: record } : record
}

/** `fromEntries` makes own properties of all names, `__proto__` included. */
function recordOf(parts: Parts): object {
  const entries: [string, unknown][] = []
  for (let i = 0; i < parts.length; i += 2) entries.push([jsonOf(parts[i]) as string, jsonOf(parts[i + 1])])
  return Object.fromEntries(entries)
}

/** null: invalid. */
function isoOf(ms: number): string | null {
  return Number.isNaN(ms) ? null : new Date(ms).toISOString()
}

function hexadecimal(text: string): string {
  return text.startsWith('-') ? `-0x${text.slice(1)}` : `0x${text}`
}

/** Elements are stored with the lowest byte first, whatever the machine. */
function viewOf(tag: number, bytes: Uint8Array): [name: string, base64: string] {
  const { name, isLittleEndian } = tags.typedArrayOf(tag)!
  return [name, toBase64(isLittleEndian ? bytes : elementsSwapped(name, bytes))]
}
