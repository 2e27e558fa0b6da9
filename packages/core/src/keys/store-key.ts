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
    // Bytes and dates cannot be frozen, and `tuple` is handed out: encode them before anyone can touch them.
    return new StoreKey(parts, id, copyMutable(parts) ? encodeTuple(parts) : undefined)
  }

  /** Keeps `bytes`, which the caller must not change afterwards. @throws CorruptError when they encode no key. */
  static fromBytes(bytes: Uint8Array): StoreKey {
    const parts = decodeTuple(bytes)
    return new StoreKey(parts as KeyPart[], renderKeyOf(parts), bytes)
  }

  /** The parts; frozen. */
  get tuple(): KeyTuple {
    return (this.#tuple ??= Object.freeze(Array.isArray(this.#parts) ? this.#parts : [this.#parts]))
  }

  /** The encoded key, computed once. Shared: do not write to it. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= encodeTuple(this.tuple))
  }
}

/** A frozen copy of a key's parts that shares nothing mutable with the caller. Validates nothing. */
export function snapshot(key: Key): KeyTuple {
  const parts = isTuple(key) ? key.slice() : [key]
  copyMutable(parts)
  return Object.freeze(parts)
}

/** Puts copies in the place of the parts that someone else could change. @returns whether there were any */
function copyMutable(parts: KeyPart[]): boolean {
  let found = false
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (typeof part !== 'object') continue
    if (part instanceof Uint8Array) parts[i] = new Uint8Array(part)
    else if (part instanceof Date) parts[i] = new Date(part.getTime())
    else continue
    found = true
  }
  return found
}
