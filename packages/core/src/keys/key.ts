import type { Uuid } from './uuid.ts'

/** What one part of a key can be. Numbers and bigints are different parts: `1` and `1n` are two keys. */
export type KeyPart = string | number | bigint | boolean | Uint8Array | Date | Uuid

export type KeyTuple = readonly KeyPart[]

/** Names one entry. A bare part is a one-tuple: `'a'` and `['a']` are the same key. */
export type Key = KeyPart | KeyTuple

/** The longest encoded key, in bytes. Room for any sensible key, and small enough for an index page of the back tier. */
export const MAX_KEY_BYTES = 4096

/** The parts of a key. Checks nothing and copies nothing: encoding or rendering the tuple is what validates it. */
export function toTuple(key: Key): KeyTuple {
  return isTuple(key) ? key : [key]
}

export function isTuple(key: Key | readonly []): key is KeyTuple {
  return Array.isArray(key)
}

/** The error for a part that no key can have. */
export function invalidPart(part: unknown): TypeError {
  return new TypeError(
    `${describe(part)} cannot be part of a key; a part is a well-formed string, a number other than NaN, a bigint, ` +
      'a boolean, a Uint8Array, a valid Date or a Uuid',
  )
}

export function emptyKey(): TypeError {
  return new TypeError('a key needs at least one part; an empty tuple names nothing')
}

export function keyTooLong(): RangeError {
  return new RangeError(
    `a key may take at most ${MAX_KEY_BYTES} bytes when encoded; put what identifies the entry in the key, the rest in the value`,
  )
}

function describe(part: unknown): string {
  if (typeof part === 'string') return 'a string with a lone surrogate'
  if (typeof part === 'symbol') return 'a symbol'
  if (typeof part === 'function') return 'a function'
  if (Array.isArray(part)) return 'a nested array'
  if (part instanceof Date) return 'an invalid Date'
  if (typeof part === 'object' && part !== null) return 'an object'
  return String(part)
}
