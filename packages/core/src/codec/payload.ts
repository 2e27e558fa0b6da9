import type { Codec } from './codec.ts'
import { openValue, sealValue } from './envelope.ts'
import { freezeDeep } from './freeze.ts'

const UNREAD: unique symbol = Symbol('unread')
const UNSHAREABLE: unique symbol = Symbol('unshareable')

/**
 * A stored value: its bytes, and the value they stand for, decoded when first asked for.
 * What a payload hands out can never change what it hands out to another reader.
 */
export class Payload {
  /** The envelope, as stored. Shared: do not write to it. */
  readonly bytes: Uint8Array
  readonly #codecs: Codec | readonly Codec[]
  #shared: unknown = UNREAD

  private constructor(codecs: Codec | readonly Codec[], bytes: Uint8Array) {
    this.#codecs = codecs
    this.bytes = bytes
  }

  /** @throws TidemarkError UNENCODABLE */
  static encode(codec: Codec, value: unknown): Payload {
    return new Payload(codec, sealValue(codec, value))
  }

  /** Keeps `bytes`, which the caller must not change afterwards. Decodes nothing yet. */
  static fromBytes(codecs: Codec | readonly Codec[], bytes: Uint8Array): Payload {
    return new Payload(codecs, bytes)
  }

  get byteLength(): number {
    return this.bytes.byteLength
  }

  /**
   * The value, deeply frozen and shared between all readers where that is possible; where it is not (it holds a Date, a
   * Map, bytes, …), a copy of this reader's own.
   *
   * @throws CorruptError, without the key, which the caller knows.
   */
  read(): unknown {
    if (this.#shared === UNSHAREABLE) return this.decode()
    if (this.#shared === UNREAD) {
      const value = this.decode()
      if (!freezeDeep(value)) {
        this.#shared = UNSHAREABLE
        // Partly frozen by now; a reader gets the same, mutable, copy as every later one.
        return this.decode()
      }
      this.#shared = value
    }
    return this.#shared
  }

  /** A fresh copy of the value, which the caller may change. @throws CorruptError, without the key. */
  decode(): unknown {
    return openValue(this.#codecs, this.bytes)
  }
}
