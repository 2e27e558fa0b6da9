import { Uuid } from '../keys/uuid.ts'
import { toBase64 } from './base64.ts'

/**
 * What stands for a storable value in JSON. Plain data stands for itself; what JSON lacks is an object with one property that
 * says what it is: `$number` (`"-0"`, `"NaN"`, `"Infinity"`, `"-Infinity"`), `$bigint` (decimal), `$bytes` (base64), `$date`
 * (ISO 8601, null: invalid), `$uuid`, `$map` (pairs), `$set`, `$undefined` and, in an array, `$hole` (true), `$regexp` (source
 * and flags), `$view` (the kind of typed array or buffer, and its bytes in base64), `$error` (name, message and properties). A
 * plain object whose only property starts with `$` stands in `$plain`, so that no two values look the same. Kept stable: files
 * and receivers hold it.
 */
export function toJsonForm(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) }
    case 'bigint':
      return { $bigint: String(value) }
    case 'undefined':
      return { $undefined: true }
    case 'object':
      return value === null ? null : formOfObject(value)
    default:
      return value
  }
}

/**
 * One change as one line of JSON text: `id`, then the fields that it has, values in their {@link toJsonForm JSON form}.
 * The same change gives the same bytes, always.
 *
 * @throws CorruptError when its value, or what the writer attached, cannot be decoded
 */
export function changeJson(id: string, change: { toJSON(): Record<string, unknown> }): string {
  const fields = Object.entries(change.toJSON()).filter(([, field]) => field !== undefined)
  return JSON.stringify({ id, ...Object.fromEntries(fields.map(([name, field]) => [name, toJsonForm(field)])) })
}

function formOfObject(value: object): unknown {
  if (Array.isArray(value))
    return Array.from(value, (element, i) => (i in value ? toJsonForm(element) : { $hole: true }))
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) }
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() }
  if (value instanceof Map) return { $map: Array.from(value, (pair) => pair.map(toJsonForm)) }
  if (value instanceof Set) return { $set: Array.from(value, toJsonForm) }
  if (value instanceof Uuid) return { $uuid: value.text }
  if (value instanceof RegExp) return { $regexp: [value.source, value.flags] }
  if (value instanceof Error) return { $error: formOfError(value) }
  if (ArrayBuffer.isView(value)) {
    return { $view: [nameOf(value), toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))] }
  }
  if (value instanceof ArrayBuffer) return { $view: [nameOf(value), toBase64(new Uint8Array(value))] }
  const form = formOfRecord(value)
  const [name, ...others] = Object.keys(form)
  return name?.startsWith('$') === true && others.length === 0 ? { $plain: form } : form
}

/** `fromEntries` makes own properties of all names, `__proto__` included. */
function formOfRecord(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([name, property]) => [name, toJsonForm(property)]))
}

function formOfError(error: Error): object {
  const { name, message, cause } = error
  return { ...formOfRecord(error), name, message, ...(cause !== undefined && { cause: toJsonForm(cause) }) }
}

function nameOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}
