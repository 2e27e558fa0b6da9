import type { StoreKey } from '../keys/store-key.ts'
import { compareBytes } from '../keys/tuple-order.ts'
import { bundleOf, envelopesIn, isBundle } from './bundle.ts'
import type { BindingCodec, Codec, Place } from './codec.ts'
import { binderOf, isBinding } from './codec-lookup.ts'
import { isWasteful } from './detached.ts'
import { BOUND, notesOf, openValue, sealValue, sealWithNotes, withNotes } from './envelope.ts'
import { freezeDeep } from './freeze.ts'
import { renewed } from './renewed.ts'
import { Seal } from './seal.ts'

const UNREAD: unique symbol = Symbol('unread')
const UNSHAREABLE: unique symbol = Symbol('unshareable')
const NOTHING = new Uint8Array(0)

/**
 * A stored value: its bytes, and the value they stand for, decoded when first asked for.
 * What a payload hands out can never change what it hands out to another reader.
 */
export class Payload {
  /** What holds the envelope, which begins at `#start` and goes to the end. Views cost more than decoding does. */
  #holder: Uint8Array
  #start: number
  readonly #codecs: Codec | readonly Codec[]
  /** Holds the envelope instead, where the codec binds it to its place. */
  readonly #seal: Seal | undefined
  #shared: unknown = UNREAD

  private constructor(codecs: Codec | readonly Codec[], holder: Uint8Array, start: number, seal?: Seal) {
    this.#codecs = codecs
    this.#holder = holder
    this.#start = start
    this.#seal = seal
  }

  /** @throws TidemarkError UNENCODABLE */
  static encode(codec: Codec, value: unknown): Payload {
    return isBinding(codec)
      ? Payload.#sealed(Seal.of(codec, sealValue(codec.inner, value)))
      : new Payload(codec, sealValue(codec, value), 0)
  }

  /** A value, or nothing, with notes beside it, which no reader of the value sees. @throws TidemarkError UNENCODABLE */
  static encodeWithNotes(codec: Codec, notes: Uint8Array, value: unknown): Payload {
    return isBinding(codec)
      ? Payload.#sealed(Seal.of(codec, sealWithNotes(codec.inner, notes, value)))
      : new Payload(codec, sealWithNotes(codec, notes, value), 0)
  }

  /**
   * A value that carries envelopes, which {@link carried} gives back: for who stores other values within one of their own, with a
   * checksum over all of it. {@link renewedBy} renews each of them.
   * @throws TidemarkError UNENCODABLE
   */
  static bundle(codec: Codec, value: unknown, envelopes: readonly Uint8Array[]): Payload {
    const own = sealValue(isBinding(codec) ? codec.inner : codec, value)
    return Payload.fromEnvelope(codec, bundleOf([own, ...envelopes]))
  }

  /**
   * Keeps `bytes`, which the caller must not change afterwards. Decodes nothing yet. Whoever makes it says where they stand
   * with {@link at}.
   * @param start where in `bytes` the envelope begins; it ends where they end
   */
  static fromBytes(codecs: Codec | readonly Codec[], bytes: Uint8Array, start = 0): Payload {
    return new Payload(codecs, bytes, start)
  }

  /** Of an {@link envelope}, and as one that was just encoded. Keeps it: the caller must not change it afterwards. */
  static fromEnvelope(codec: Codec, envelope: Uint8Array): Payload {
    return isBinding(codec) ? Payload.#sealed(Seal.of(codec, envelope)) : new Payload(codec, envelope, 0)
  }

  static #sealed(seal: Seal): Payload {
    return new Payload(seal.codec, NOTHING, 0, seal)
  }

  /**
   * Of stored bytes: where they stand, for a codec whose bytes are worth something at one place only. Otherwise costs nothing.
   * @param version the seq of the change; of a mark 0
   */
  at(key: StoreKey, version: number, part: Place['part'] = 'value'): Payload {
    const isBound = this.#holder[this.#start] === BOUND
    // Also what is not bound, where everything has to be: Seal refuses it.
    if (!isBound && !isBinding(this.#codecs)) return this
    const place = { key, version, part }
    const codec = isBound ? binderOf(this.#codecs, this.bytes, place) : (this.#codecs as BindingCodec)
    if (codec === undefined) return this
    return Payload.#sealed(Seal.stored(codec, this.bytes, place))
  }

  /**
   * What a tier with this codec stores at a place: the payload itself, unless the codec binds, or another one has bound it. For
   * back tiers, which alone know the version, and as often as they try to commit.
   * @throws CorruptError when what is copied cannot be read where it comes from
   */
  boundTo(codec: Codec, key: StoreKey, version: number, part: Place['part'] = 'value'): Payload {
    if (isBinding(codec)) return Payload.#sealed(Seal.of(codec, this.envelope, { key, version, part }))
    return this.#seal === undefined ? this : new Payload(codec, this.#seal.plain, 0)
  }

  /** The envelope, as stored. Shared: do not write to it. @throws TypeError before it is bound, where it has to be */
  get bytes(): Uint8Array {
    if (this.#seal !== undefined) return this.#seal.bytes
    if (this.#start > 0) {
      const { buffer, byteOffset } = this.#holder
      this.#holder = new Uint8Array(buffer, byteOffset + this.#start, this.byteLength)
      this.#start = 0
    }
    return this.#holder
  }

  /**
   * What the codec has encoded, bound to no place: for who stores it within a value of his own, which is bound then. Where the
   * codec encrypts, this is not encrypted.
   * @throws CorruptError when it cannot be had of what is stored
   */
  get envelope(): Uint8Array {
    return this.#seal === undefined ? this.bytes : this.#seal.plain
  }

  /** What a {@link bundle} carries beside its value; nothing, where it is none. Shared: do not write to it. @throws CorruptError */
  get carried(): readonly Uint8Array[] {
    const { envelope } = this
    return isBundle(envelope) ? envelopesIn(envelope).slice(1) : []
  }

  /** It is a {@link bundle}, whose checksum is right: what cannot be read of it is not damaged. False: nothing tells. */
  get isIntact(): boolean {
    try {
      return isBundle(this.envelope) && envelopesIn(this.envelope).length > 0
    } catch {
      return false
    }
  }

  get byteLength(): number {
    return this.#seal === undefined ? this.#holder.byteLength - this.#start : this.#seal.byteLength
  }

  /** What is noted beside the value. Shared: do not write to it. @throws CorruptError, without the key. */
  get notes(): Uint8Array | undefined {
    return this.#seal === undefined ? notesOf(this.#holder, this.#start) : this.#seal.notes
  }

  /** The same value with other notes. @returns undefined: neither a value nor notes are left */
  withNotes(notes: Uint8Array | undefined): Payload | undefined {
    const noted = withNotes(this.envelope, notes)
    if (noted === undefined) return undefined
    return this.#seal === undefined
      ? new Payload(this.#codecs, noted, 0)
      : Payload.#sealed(Seal.of(this.#seal.codec, noted))
  }

  /**
   * The same value, and whatever it carries, as `codec` writes it today, at its place; undefined: it is written so. Where only the
   * key is another one, it is not decoded: no class of the application has to be known for that.
   * @throws CorruptError; TidemarkError UNENCODABLE for what `codec` does not write
   */
  renewedBy(codec: Codec, { key, version, part }: Place): Payload | undefined {
    const { envelope } = this
    const readers = this.#seal === undefined ? this.#codecs : this.#seal.codec.alsoReads
    const anew = renewed(readers, isBinding(codec) ? codec.inner : codec, envelope)
    const isBoundRight = this.#seal === undefined ? !isBinding(codec) : this.#seal.isBoundBy(codec)
    if (anew === envelope && isBoundRight) return undefined
    return Payload.fromEnvelope(codec, anew).boundTo(codec, key, version, part)
  }

  /** Whether its bytes are worth something at one place only. */
  get isBound(): boolean {
    return this.#seal !== undefined
  }

  /** Whether both hold the same bytes, wherever each of them stands. */
  isSameAs(other: Payload): boolean {
    return this === other || compareBytes(this.envelope, other.envelope) === 0
  }

  /**
   * For those who keep the payload: it stops being a view into something much larger (the reply of a server that it came
   * in, say), which would be kept with it.
   */
  detach(): void {
    if (this.#seal !== undefined) this.#seal.detach()
    else if (isWasteful(this.#holder.buffer, this.byteLength)) this.#holder = new Uint8Array(this.bytes)
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
    const seal = this.#seal
    return seal === undefined
      ? openValue(this.#codecs, this.#holder, this.#start)
      : openValue(seal.codec.alsoReads, seal.plain)
  }
}
