const TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The two digits of every byte: whoever reads a log makes a UUID per element. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

const DASH = 0x2d

/** Of a digit in lower case. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/**
 * A UUID of any version, as an immutable value: 16 bytes in a key instead of 36 characters.
 * Strings that look like UUIDs stay strings, so a UUID has to be asked for.
 */
export class Uuid {
  /** The canonical form, in lower case. */
  readonly text: string
  /** Made when it is first asked for, and never handed out. */
  #bytes: Uint8Array | undefined

  private constructor(text: string) {
    this.text = text
    Object.freeze(this)
  }

  /** @throws TypeError when `text` is not in the form 8-4-4-4-12 hexadecimal digits. */
  static parse(text: string): Uuid {
    if (typeof text !== 'string' || !TEXT.test(text)) {
      throw new TypeError('a UUID is written as 32 hexadecimal digits in groups of 8-4-4-4-12')
    }
    return new Uuid(text.toLowerCase())
  }

  /** Copies `bytes`. @throws TypeError unless they are 16. */
  static from(bytes: Uint8Array): Uuid {
    if (!(bytes instanceof Uint8Array) || bytes.length !== 16) throw new TypeError('a UUID has 16 bytes')
    let text = HEX[bytes[0]!]!
    for (let i = 1; i < 16; i++) text += (i === 4 || i === 6 || i === 8 || i === 10 ? '-' : '') + HEX[bytes[i]!]!
    return new Uuid(text)
  }

  /** A fresh copy of the 16 bytes, most significant first. */
  toBytes(): Uint8Array {
    return this.#read().slice()
  }

  /** Writes the 16 bytes into `target`, from `at` on. */
  writeTo(target: Uint8Array, at: number): void {
    target.set(this.#read(), at)
  }

  equals(other: unknown): boolean {
    return other instanceof Uuid && other.text === this.text
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }

  #read(): Uint8Array {
    if (this.#bytes !== undefined) return this.#bytes
    const bytes = new Uint8Array(16)
    for (let i = 0, at = 0; i < 16; i++, at += 2) {
      if (this.text.charCodeAt(at) === DASH) at++
      bytes[i] = (digitAt(this.text, at) << 4) | digitAt(this.text, at + 1)
    }
    return (this.#bytes = bytes)
  }
}
