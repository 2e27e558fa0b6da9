import { CorruptError } from '../errors.ts'
import type { BindingCodec, Codec, Place } from './codec.ts'
import { isJudging } from './codec-lookup.ts'
import { isWasteful } from './detached.ts'
import { BOUND, notesOf } from './envelope.ts'

const UNREAD: unique symbol = Symbol('unread')

/** An envelope that belongs to one place, or will: what is stored of it, and what that stands for. Has one of them at least. */
export class Seal {
  readonly #codec: BindingCodec
  /** undefined: it is on its way to a commit, which gives it one. */
  readonly #place: Place | undefined
  #plain: Uint8Array | undefined
  #stored: Uint8Array | undefined
  #notes: Uint8Array | undefined | typeof UNREAD = UNREAD

  private constructor(
    codec: BindingCodec,
    place: Place | undefined,
    plain: Uint8Array | undefined,
    stored: Uint8Array | undefined,
  ) {
    this.#codec = codec
    this.#place = place
    this.#plain = plain
    this.#stored = stored
  }

  /** @param place undefined: the commit gives it one */
  static of(codec: BindingCodec, envelope: Uint8Array, place?: Place): Seal {
    return new Seal(codec, place, envelope, undefined)
  }

  static stored(codec: BindingCodec, bytes: Uint8Array, place: Place): Seal {
    return new Seal(codec, place, undefined, bytes)
  }

  /** What its envelope is read with. */
  get codec(): BindingCodec {
    return this.#codec
  }

  /**
   * Bound when first asked for, and the same ever after.
   * @throws TypeError when it has no place: nothing that is to be bound gets anywhere unbound
   */
  get bytes(): Uint8Array {
    if (this.#stored === undefined) {
      if (this.#place === undefined)
        throw new TypeError('a value is bound to its key by the commit, and has no bytes before')
      this.#stored = this.#codec.bind(this.#plain!, this.#place)
    }
    return this.#stored
  }

  /** Before it is bound, about. */
  get byteLength(): number {
    return (this.#stored ?? this.#plain!).byteLength
  }

  /** The envelope. @throws CorruptError with a code that says why it cannot be had */
  get plain(): Uint8Array {
    return this.#plain ?? this.#open()
  }

  /** @throws as `plain` does */
  get notes(): Uint8Array | undefined {
    if (this.#notes === UNREAD) {
      const notes = notesOf(this.plain)
      // Asked for with every read; a view would keep the envelope.
      this.#notes = notes && new Uint8Array(notes)
    }
    return this.#notes
  }

  /** Whether `codec` would bind it in the same way today. @throws as `plain` does */
  isBoundBy(codec: Codec): boolean {
    const stored = this.#stored
    // What another codec of its id has bound, with another context say, only that one reads.
    if (this.#codec !== codec || stored?.[0] !== BOUND || stored[1] !== codec.id) return false
    return !isJudging(codec) || codec.isCurrent(stored)
  }

  /** Lets go of what is there twice, or is a view into something much larger. */
  detach(): void {
    if (this.#stored === undefined) return
    this.#plain = undefined
    if (isWasteful(this.#stored.buffer, this.#stored.byteLength)) this.#stored = new Uint8Array(this.#stored)
  }

  #open(): Uint8Array {
    const stored = this.#stored!
    if (stored[0] === BOUND && stored[1] === this.#codec.id) return unbound(this.#codec, stored, this.#place!)
    // Whoever can write where it stands could otherwise put there what he likes.
    if (!this.#codec.readsUnbound) {
      const message = `it is not bound to its place by codec ${this.#codec.id}, as all that is read here has to be`
      throw new CorruptError(message, { code: 'NOT_ENCRYPTED' })
    }
    return stored
  }
}

/** A codec of the application may fail in its own ways; callers rely on ours. */
function unbound(codec: BindingCodec, stored: Uint8Array, place: Place): Uint8Array {
  try {
    return codec.unbind(stored, place)
  } catch (cause) {
    if (cause instanceof CorruptError) throw cause
    throw new CorruptError(`codec ${codec.id} could not decode a stored value; see the cause`, {
      cause,
      mayBeWhole: true,
    })
  }
}
