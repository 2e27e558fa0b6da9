import { CorruptError } from '../errors.ts'
import { emptyKey, invalidPart, isTuple, type Key, type KeyPart, type KeyTuple } from './key.ts'
import { encodeTuple } from './tuple-encoding.ts'
import { Uuid } from './uuid.ts'

// What a bare string may look like. Fixed sets, not Unicode properties: those grow with the runtime's Unicode version,
// and two processes that render one key differently would no longer meet in the shared front.
const BARE = /^[A-Za-z_][\w.\-/@+=]*$/
const PLAIN =
  '\\w.\\-/@+=\\u00a1-\\u00ac\\u00ae-\\u061b\\u061d-\\u167f\\u1681-\\u180d\\u180f-\\u1fff\\u2010-\\u2027\\u2030-\\u205e\\u2070-\\u2fff\\u3001-\\udb3f\\udb80-\\udfff\\uf900-\\ufdff\\ufe10-\\ufefe\\uff00-\\uffef'
const BARE_INTERNATIONAL = new RegExp(`^(?![\\d.\\-/@+=])[${PLAIN}]+$`)
// Inside quotes spaces and most punctuation are legible too; `%`, `:`, controls and invisible characters are escaped.
// Both halves of a surrogate pair, or neither: half a pair has no UTF-8.
const ESCAPED = new RegExp(`[\\udb40-\\udb7f][\\udc00-\\udfff]|[^${PLAIN} !"#$&'()*,;<>?[\\]^\`{|}~\\\\]`, 'g')

/** Below this length no key can exceed MAX_KEY_BYTES: one-digit numbers grow the most, from 2 characters to 9 bytes. */
const SURELY_SHORT = 900

/**
 * A key as text: readable in `redis-cli`, and equal exactly when the keys are equal, so that it also is the identity of
 * the key inside a process. Parts are joined by `:`.
 *
 * `user` `'42` (strings) · `42` `-1.5` `+inf` (numbers) · `42n` (bigint) · `!true` · `~00ff` (bytes) ·
 * `@2024-02-29T120000.000Z` (Date) · `$0189…` (Uuid). A string is quoted when it could be taken for something else; in it
 * `%` and `:` become `%25` and `%3a`, control and invisible characters `%0a` or `%u200b`. `-0` is rendered as `0`.
 *
 * @throws TypeError for an empty tuple or a part that no key can have; RangeError when the key is too long to be encoded.
 */
export function renderKey(tuple: KeyTuple): string {
  const length = tuple.length
  if (length === 0) throw emptyKey()
  let text = renderPart(tuple[0]!)
  for (let i = 1; i < length; i++) text += ':' + renderPart(tuple[i]!)
  if (text.length > SURELY_SHORT) encodeTuple(tuple)
  return text
}

/** `renderKey` for a key in either form; builds no tuple for a bare part. */
export function renderKeyOf(key: Key): string {
  if (isTuple(key)) return renderKey(key)
  const text = renderPart(key)
  if (text.length > SURELY_SHORT) encodeTuple([key])
  return text
}

function renderPart(part: KeyPart): string {
  switch (typeof part) {
    case 'string':
      return BARE.test(part) ? part : renderString(part)
    case 'number':
      // A finite number minus itself is 0.
      return part - part === 0 ? '' + part : renderNonFinite(part)
    case 'bigint':
      return `${part}n`
    case 'boolean':
      return part ? '!true' : '!false'
    default:
      return renderObject(part)
  }
}

function renderString(text: string): string {
  if (!text.isWellFormed()) throw invalidPart(text)
  if (BARE_INTERNATIONAL.test(text)) return text
  return `'${text.replace(ESCAPED, escapeUnits)}`
}

function escapeUnits(units: string): string {
  let escaped = ''
  for (let i = 0; i < units.length; i++) {
    const code = units.charCodeAt(i)
    escaped += code < 0x80 ? `%${hexOfByte(code)}` : `%u${code.toString(16).padStart(4, '0')}`
  }
  return escaped
}

function renderNonFinite(value: number): string {
  if (Number.isNaN(value)) throw invalidPart(value)
  return value > 0 ? '+inf' : '-inf'
}

function renderObject(part: Uint8Array | Date | Uuid): string {
  if (part instanceof Uuid) return `$${part.text}`
  if (part instanceof Uint8Array) {
    let text = '~'
    for (let i = 0; i < part.length; i++) text += hexOfByte(part[i]!)
    return text
  }
  if (!(part instanceof Date) || Number.isNaN(part.getTime())) throw invalidPart(part)
  return `@${part.toISOString().replaceAll(':', '')}`
}

function hexOfByte(byte: number): string {
  return (byte + 0x100).toString(16).slice(1)
}

/**
 * The key that `renderKey` turned into this text.
 *
 * @throws CorruptError for any other text.
 */
export function parseKey(text: string): KeyTuple {
  try {
    const tuple = text.split(':').map(parsePart)
    // Leniency anywhere above would give one key two spellings.
    if (renderKey(tuple) === text) return tuple
  } catch (cause) {
    throw new CorruptError('not a rendered key', { cause })
  }
  throw new CorruptError('not a rendered key')
}

function parsePart(text: string): KeyPart {
  switch (text[0]) {
    case "'":
      return text
        .slice(1)
        .replace(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/g, (_, unit?: string, byte?: string) =>
          String.fromCharCode(Number.parseInt((unit ?? byte)!, 16)),
        )
    case '!':
      return text === '!true'
    case '~':
      return Uint8Array.from(text.slice(1).match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
    case '@':
      return new Date(text.slice(1).replace(/T(\d\d)(\d\d)/, 'T$1:$2:'))
    case '$':
      return Uuid.parse(text.slice(1))
    default:
      return parseBare(text)
  }
}

function parseBare(text: string): KeyPart {
  if (text === '+inf') return Infinity
  if (text === '-inf') return -Infinity
  if (!/^-?\d/.test(text)) return text
  return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text)
}
