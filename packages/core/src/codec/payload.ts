import type { Codec } from './codec.ts'
import { notesOf, openValue, sealValue, sealWithNotes, withNotes } from './envelope.ts'
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
  /** What holds the envelope, which begins at `#start` and goes to the end. Views cost more than decoding does. */
  #holder: Uint8Array
  #start: number
  readonly #codecs: Codec | readonly Codec[]
  #shared: unknown = UNREAD

  private constructor(codecs: Codec | readonly Codec[], holder: Uint8Array, start: number) {
    this.#codecs = codecs
    this.#holder = holder
    this.#start = start
  }

  /** @throws TidemarkError UNENCODABLE */
  static encode(codec: Codec, value: unknown): Payload {
    return new Payload(codec, sealValue(codec, value), 0)
  }

  /** A value, or nothing, with notes beside it, which no reader of the value sees. @throws TidemarkError UNENCODABLE */
  static encodeWithNotes(codec: Codec, notes: Uint8Array, value: unknown): Payload {
    return new Payload(codec, sealWithNotes(codec, notes, value), 0)
  }

  /**
   * Keeps `bytes`, which the caller must not change afterwards. Decodes nothing yet.
   * @param start where in `bytes` the envelope begins; it ends where they end
   */
  static fromBytes(codecs: Codec | readonly Codec[], bytes: Uint8Array, start = 0): Payload {
    return new Payload(codecs, bytes, start)
  }

  /** The envelope, as stored. Shared: do not write to it. */
  get bytes(): Uint8Array {
    if (this.#start > 0) {
      const { buffer, byteOffset } = this.#holder
      this.#holder = new Uint8Array(buffer, byteOffset + this.#start, this.byteLength)
      this.#start = 0
    }
    return this.#holder
  }

  get byteLength(): number {
    return this.#holder.byteLength - this.#start
  }

  /** What is noted beside the value. Shared: do not write to it. @throws CorruptError, without the key. */
  get notes(): Uint8Array | undefined {
    return notesOf(this.#holder, this.#start)
  }

  /** The same value with other notes. @returns undefined: neither a value nor notes are left */
  withNotes(notes: Uint8Array | undefined): Payload | undefined {
    const sealed = withNotes(this.bytes, notes)
    return sealed && new Payload(this.#codecs, sealed, 0)
  }

  /**
   * For those who keep the payload: it stops being a view into something much larger (the reply of a server that it came
   * in, say), which would be kept with it.
   */
  detach(): void {
    if (this.#holder.buffer.byteLength <= 2 * this.byteLength + DETACH_SLACK) return
    this.#holder = new Uint8Array(this.bytes)
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
    return openValue(this.#codecs, this.#holder, this.#start)
  }
}
