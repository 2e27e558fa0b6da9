import { Encoder } from 'cbor-x/encode'
import { MAX_BYTES } from './cbor-tags.ts'
import { Refusal } from './refusal.ts'

/** What cbor-x's declarations leave out. */
interface PooledEncoder {
  encode(value: unknown, options: number): Uint8Array
  useBuffer(pool: Uint8Array): void
}

/** RESET_BUFFER_MODE of cbor-x: the next value is written over this one, which is copied by then. */
const REUSE_POOL = 1024
const POOL_BYTES = 8192
/** A pool that one large value made this big is not kept for the small ones that follow. */
const MAX_POOL_BYTES = 1 << 20

/** @returns a function that gives the prefix followed by the encoded value, in memory that nothing else refers to. */
export function createCborEncoder(): (prefix: Uint8Array, encodable: unknown) => Uint8Array {
  const encoder = new Encoder({
    useRecords: false,
    variableMapSize: true,
    tagUint8Array: false,
  }) as unknown as PooledEncoder
  // Of the class that cbor-x takes for its pool, of which it needs the methods: Buffer, where there is one.
  const emptyPool = encoder.encode(new Uint8Array(POOL_BYTES), REUSE_POOL)
  // The pool is the module's. A failure, of which a stack that was used up is one, may leave it half replaced.
  let isPoolSound = true

  return (prefix, encodable) => {
    if (!isPoolSound) encoder.useBuffer(Uint8Array.prototype.slice.call(emptyPool))
    isPoolSound = false
    const encoded = encoder.encode(encodable, REUSE_POOL)
    isPoolSound = encoded.buffer.byteLength <= MAX_POOL_BYTES
    if (encoded.length > MAX_BYTES) {
      throw new Refusal(`is larger than ${MAX_BYTES} bytes when encoded`, 'store its parts under keys of their own')
    }
    const result = new Uint8Array(prefix.length + encoded.length)
    if (prefix.length > 0) result.set(prefix)
    result.set(encoded, prefix.length)
    return result
  }
}
