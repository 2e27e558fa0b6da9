import { isTuple, type Key, type KeyPart, type KeyTuple } from './key.ts'
import { renderKeyOf } from './readable-key.ts'
import { decodeTuple, encodeTuple } from './tuple-encoding.ts'

/** A validated key that nobody can change any more, with its two stored forms. */
export class StoreKey {
  /** The readable form; two keys are the same key exactly when their ids are equal. */
  readonly id: string
  /** Nobody else's. A hit in near memory needs the id alone, so the tuple is made and frozen when it is asked for. */
  readonly #parts: KeyPart | KeyPart[]
  #tuple: KeyTuple | undefined
  #bytes: Uint8Array | undefined

  private constructor(parts: KeyPart | KeyPart[], id: string, bytes: Uint8Array | undefined) {
    this.#parts = parts
    this.id = id
    this.#bytes = bytes
  }

  /**
   * Copies what the caller could change later.
   *
   * @throws TypeError or RangeError for what cannot be a key, as `encodeTuple` does.
   */
  static of(key: Key): StoreKey {
    const id = renderKeyOf(key)
    if (typeof key !== 'object') return new StoreKey(key, id, undefined)
    const parts = isTuple(key) ? key.slice() : [key]
    copyMutable(parts)
    return new StoreKey(parts, id, undefined)
  }

  /** Keeps `bytes`, which the caller must not change afterwards. @throws CorruptError when they encode no key. */
  static fromBytes(bytes: Uint8Array): StoreKey {
    const parts = decodeTuple(bytes)
    return new StoreKey(parts as KeyPart[], renderKeyOf(parts), bytes)
  }

  /** The parts, in a frozen array. Where one of them cannot be frozen (bytes, a Date), a copy for each who asks. */
  get tuple(): KeyTuple {
    if (this.#tuple !== undefined) return this.#tuple
    const parts = this.#ownParts()
    if (parts.some(isMutable)) return snapshot(parts)
    return (this.#tuple = Object.freeze(parts))
  }

  /** The encoded key, computed once. Shared: do not write to it. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= encodeTuple(this.#ownParts()))
  }

  /** For those who keep the key: lets go of what can be made again from its parts. */
  detach(): void {
    this.#bytes = undefined
  }

  #ownParts(): KeyPart[] {
    return Array.isArray(this.#parts) ? this.#parts : [this.#parts]
  }
}

/** A frozen copy of a key's parts that shares nothing mutable with the caller. Validates nothing. */
export function snapshot(key: Key): KeyTuple {
  const parts = isTuple(key) ? key.slice() : [key]
  copyMutable(parts)
  return Object.freeze(parts)
}

/** Puts copies in the place of the parts that someone else could change. */
function copyMutable(parts: KeyPart[]): void {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (typeof part !== 'object') continue
    if (part instanceof Uint8Array) parts[i] = new Uint8Array(part)
    else if (part instanceof Date) parts[i] = new Date(part.getTime())
  }
}

function isMutable(part: KeyPart): boolean {
  return part instanceof Uint8Array || part instanceof Date
}
