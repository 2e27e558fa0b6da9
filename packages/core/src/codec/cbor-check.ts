import { CborInput, corrupt, unexpected } from './cbor-input.ts'
import { contentOf, isKnownToCborX, MAX_BIGINT_BYTES, MAX_DEPTH, MAX_ELEMENTS } from './cbor-tags.ts'

/** Major types of RFC 8949, in place: the upper three bits of an initial byte. */
const UNSIGNED = 0x00
const NEGATIVE = 0x20
const BYTES = 0x40
const TEXT = 0x60
const ARRAY = 0x80
const MAP = 0xa0
const TAG = 0xc0

const UNDEFINED = 0xf7
const FLOAT64 = 0xfb

const PROTO = Uint8Array.from('__proto__', (character) => character.charCodeAt(0))
/** An array of three, of which the first is the text RegExp. */
const REG_EXP = Uint8Array.from('\x83\x66RegExp', (character) => character.charCodeAt(0))

/**
 * Looks over bytes before cbor-x reads them, and lets pass only what `encodable` and cbor-x write: one complete value, every
 * length within the input, known tags over what belongs under them, well-formed text, names that are text. All that cbor-x
 * also knows (records, references, packed tables, strings in bundles, indefinite lengths) never reaches it.
 */
export class CborCheck {
  readonly #input = new CborInput()
  #needsRevival = false

  /**
   * @returns whether there are tags that cbor-x leaves as Tag objects.
   * @throws CorruptError unless the bytes before `end` are one value.
   */
  check(bytes: Uint8Array, end: number): boolean {
    this.#input.open(bytes, end)
    this.#needsRevival = false
    try {
      this.#item(0)
      if (this.#input.remaining !== 0) throw corrupt('bytes follow the value')
      return this.#needsRevival
    } finally {
      this.#input.close()
    }
  }

  #item(depth: number): void {
    const initial = this.#input.byte()
    switch (initial & 0xe0) {
      case UNSIGNED:
      case NEGATIVE:
        if ((initial & 0x1f) === 27) this.#input.skip(8)
        else this.#input.argument(initial)
        return
      case BYTES:
        return this.#input.skip(this.#input.argument(initial))
      case TEXT:
        return this.#input.text(this.#input.argument(initial))
      case ARRAY:
        return this.#array(this.#input.argument(initial), depth)
      case MAP:
        return this.#record(this.#input.argument(initial), depth)
      case TAG:
        return this.#tagged(this.#input.argument(initial), depth)
      default:
        // false, true, null, undefined
        if (initial >= 0xf4 && initial <= UNDEFINED) return
        if (initial !== FLOAT64) throw unexpected(initial)
        this.#input.skip(8)
    }
  }

  /** Each of `items` takes at least one byte. */
  #enter(items: number, depth: number): void {
    if (items > this.#input.remaining) throw corrupt('it is truncated')
    if (depth >= MAX_DEPTH) throw corrupt('it is nested too deeply')
  }

  #array(length: number, depth: number): void {
    this.#enter(length, depth)
    if (length > MAX_ELEMENTS) throw corrupt('an array is too long')
    for (let i = 0; i < length; i++) this.#item(depth + 1)
  }

  #record(size: number, depth: number): void {
    this.#enter(size * 2, depth)
    for (let i = 0; i < size; i++) {
      this.#name()
      this.#item(depth + 1)
    }
  }

  #name(): void {
    const length = this.#input.argument(expectMajor(this.#input.byte(), TEXT))
    const start = this.#input.at
    this.#input.text(length)
    // cbor-x would rename it; it is written as an entry of a RECORD.
    if (length === PROTO.length && this.#input.matches(PROTO, start)) throw corrupt('a property is called __proto__')
  }

  #tagged(tag: number, depth: number): void {
    const content = contentOf(tag)
    // A later release may know it.
    if (content === undefined) throw corrupt(`unknown tag ${tag}`, { mayBeWhole: true })
    if (!isKnownToCborX(tag)) this.#needsRevival = true
    // The kind of content is checked before the content, or a chain of tags would nest without bound.
    const initial = this.#input.byte()
    switch (content) {
      case 'number':
        return this.#number(initial)
      case 'undefined':
        if (initial !== UNDEFINED) throw unexpected(initial)
        return
      case 'bytes':
        return this.#input.skip(this.#input.argument(expectMajor(initial, BYTES)))
      case 'text':
        return this.#input.text(this.#input.argument(expectMajor(initial, TEXT)))
      case 'array':
        return this.#array(this.#input.argument(expectMajor(initial, ARRAY)), depth)
      case 'map':
        return this.#map(this.#input.argument(expectMajor(initial, MAP)), depth)
      case 'bigint':
        return this.#bigint(this.#input.argument(expectMajor(initial, BYTES)))
      case 'RegExp':
        return this.#regExp()
    }
  }

  #number(initial: number): void {
    if (initial === FLOAT64) this.#input.skip(8)
    else this.#input.argument(initial < BYTES ? initial : expectMajor(initial, UNSIGNED))
  }

  #map(size: number, depth: number): void {
    this.#enter(size * 2, depth)
    for (let i = 0; i < size * 2; i++) this.#item(depth + 1)
  }

  #bigint(length: number): void {
    if (length > MAX_BIGINT_BYTES) throw corrupt('a bigint is too long')
    this.#input.skip(length)
  }

  #regExp(): void {
    this.#input.at--
    const start = this.#input.at
    this.#input.skip(REG_EXP.length)
    if (!this.#input.matches(REG_EXP, start)) throw corrupt('a generic object is no RegExp')
    for (let i = 0; i < 2; i++) this.#input.text(this.#input.argument(expectMajor(this.#input.byte(), TEXT)))
  }
}

function expectMajor(initial: number, major: number): number {
  if ((initial & 0xe0) !== major) throw unexpected(initial)
  return initial
}
