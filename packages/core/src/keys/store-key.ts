import { isTuple, type Key, type KeyPart, type KeyTuple } from './key.ts'
import { renderKey } from './readable-key.ts'
import { decodeTuple, encodeTuple } from './tuple-encoding.ts'

/** A validated key that nobody can change any more, with its two stored forms. */
export class StoreKey {
  readonly tuple: KeyTuple
  /** The readable form; two keys are the same key exactly when their ids are equal. */
  readonly id: string
  #bytes: Uint8Array | undefined

  private constructor(tuple: KeyTuple, id: string, bytes: Uint8Array | undefined) {
    this.tuple = tuple
    this.id = id
    this.#bytes = bytes
  }

  /**
   * Copies what the caller could change later.
   *
   * @throws TypeError or RangeError for what cannot be a key, as `encodeTuple` does.
   */
  static of(key: Key): StoreKey {
    const tuple = snapshot(key)
    // Bytes and dates cannot be frozen, and `tuple` is handed out: encode them before anyone can touch them.
    return new StoreKey(tuple, renderKey(tuple), tuple.some(isMutable) ? encodeTuple(tuple) : undefined)
  }

  /** Keeps `bytes`, which the caller must not change afterwards. @throws CorruptError when they encode no key. */
  static fromBytes(bytes: Uint8Array): StoreKey {
    const tuple = Object.freeze(decodeTuple(bytes))
    return new StoreKey(tuple, renderKey(tuple), bytes)
  }

  /** The encoded key, computed once. Shared: do not write to it. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= encodeTuple(this.tuple))
  }
}

/** A frozen copy of a key's parts that shares nothing mutable with the caller. Validates nothing. */
export function snapshot(key: Key): KeyTuple {
  const tuple: KeyPart[] = isTuple(key) ? key.slice() : [key]
  for (let i = 0; i < tuple.length; i++) {
    const part = tuple[i]!
    if (part instanceof Uint8Array) tuple[i] = new Uint8Array(part)
    else if (part instanceof Date) tuple[i] = new Date(part.getTime())
  }
  return Object.freeze(tuple)
}

function isMutable(part: KeyPart): boolean {
  return part instanceof Uint8Array || part instanceof Date
}
