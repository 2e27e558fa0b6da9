import type { Codec } from './codec.ts'
import { openValue, sealValue } from './envelope.ts'
import { freezeDeep } from './freeze.ts'

const UNREAD: unique symbol = Symbol('unread')
const UNSHAREABLE: unique symbol = Symbol('unshareable')

/** So many bytes more than it needs may a kept payload hold on to: copying would cost more than it gives back. */
const DETACH_SLACK = 1024

/**
 * A stored value: its bytes, and the value they stand for, decoded when first asked for.
 * What a payload hands out can never change what it hands out to another reader.
 */
export class Payload {
  #bytes: Uint8Array
  readonly #codecs: Codec | readonly Codec[]
  #shared: unknown = UNREAD

  private constructor(codecs: Codec | readonly Codec[], bytes: Uint8Array) {
    this.#codecs = codecs
    this.#bytes = bytes
  }

  /** @throws TidemarkError UNENCODABLE */
  static encode(codec: Codec, value: unknown): Payload {
    return new Payload(codec, sealValue(codec, value))
  }

  /** Keeps `bytes`, which the caller must not change afterwards. Decodes nothing yet. */
  static fromBytes(codecs: Codec | readonly Codec[], bytes: Uint8Array): Payload {
    return new Payload(codecs, bytes)
  }

  /** The envelope, as stored. Shared: do not write to it. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  get byteLength(): number {
    return this.#bytes.byteLength
  }

  /**
   * For those who keep the payload: it stops being a view into something much larger (the reply of a server that it came
   * in, say), which would be kept with it.
   */
  detach(): void {
    const { buffer, byteLength } = this.#bytes
    if (buffer.byteLength > 2 * byteLength + DETACH_SLACK) this.#bytes = this.#bytes.slice()
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
    return openValue(this.#codecs, this.#bytes)
  }
}
