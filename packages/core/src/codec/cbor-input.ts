import { type CorruptDetails, CorruptError } from '../errors.ts'
import { isPlainUtf8 } from './plain-text.ts'

const NOTHING = new Uint8Array(0)

/** Bytes that are looked over from the front, none before it is known to be there. */
export class CborInput {
  #bytes: Uint8Array = NOTHING
  #end = 0
  /** The next byte. */
  at = 0

  open(bytes: Uint8Array, end: number): void {
    this.#bytes = bytes
    this.#end = end
    this.at = 0
  }

  /** Holds on to the bytes no longer. */
  close(): void {
    this.#bytes = NOTHING
  }

  get remaining(): number {
    return this.#end - this.at
  }

  byte(): number {
    if (this.at >= this.#end) throw corrupt('it is truncated')
    return this.#bytes[this.at++]!
  }

  skip(length: number): void {
    if (length > this.remaining) throw corrupt('it is truncated')
    this.at += length
  }

  argument(initial: number): number {
    const info = initial & 0x1f
    if (info < 24) return info
    if (info === 24) return this.byte()
    if (info === 25) return (this.byte() << 8) | this.byte()
    if (info === 26) return ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0
    throw unexpected(initial)
  }

  text(length: number): void {
    const bytes = this.#bytes
    const start = this.at
    this.skip(length)
    const end = this.at
    let union = 0
    for (let at = start; at < end; at++) union |= bytes[at]!
    if (union > 0x7f && !isPlainUtf8(bytes, start, end)) throw corrupt('text is not plain UTF-8')
  }

  matches(expected: Uint8Array, start: number): boolean {
    for (let i = 0; i < expected.length; i++) if (this.#bytes[start + i] !== expected[i]) return false
    return true
  }
}

export function unexpected(initial: number): CorruptError {
  return corrupt(`unexpected initial byte ${initial}`)
}

export function corrupt(what: string, details: CorruptDetails = {}): CorruptError {
  return new CorruptError(`not an encoded value: ${what}`, details)
}
