import { type Cipheriv, createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'

export const KEY_BYTES = 32
export const NONCE_BYTES = 24
export const TAG_BYTES = 16

const GCM_NONCE_BYTES = 12
/** Of the polynomial x^128 + x^7 + x^2 + x + 1. */
const REDUCTION = 0x87

/**
 * XAES-256-GCM as C2SP specifies it (https://c2sp.org/XAES-256-GCM): AES-256-GCM under a key that is derived anew of the first
 * half of a nonce of 192 bits. Such a nonce can be drawn at random for ever, where one of 96 bits must not be for more than 2^32
 * values under one key.
 */
export class Xaes256Gcm {
  /** Each call encrypts whole blocks, one by one: it keeps nothing from one call to the next. */
  readonly #ecb: Cipheriv
  readonly #mask: Uint8Array
  readonly #blocks = new Uint8Array(KEY_BYTES)

  constructor(key: Uint8Array) {
    this.#ecb = createCipheriv('aes-256-ecb', key, null)
    this.#ecb.setAutoPadding(false)
    this.#mask = doubled(this.#ecb.update(new Uint8Array(16)))
  }

  /** Writes the ciphertext, and the tag behind it, into `out` from `at` on. */
  seal(nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array, out: Uint8Array, at: number): void {
    const cipher = createCipheriv('aes-256-gcm', this.#derive(nonce), nonce.subarray(NONCE_BYTES - GCM_NONCE_BYTES))
    cipher.setAAD(aad)
    out.set(cipher.update(plain), at)
    cipher.final()
    out.set(cipher.getAuthTag(), at + plain.length)
  }

  /** @returns undefined: it is not what was sealed with this key, nonce and associated data */
  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
    const end = sealed.length - TAG_BYTES
    const decipher = createDecipheriv(
      'aes-256-gcm',
      this.#derive(nonce),
      nonce.subarray(NONCE_BYTES - GCM_NONCE_BYTES),
      {
        authTagLength: TAG_BYTES,
      },
    )
    decipher.setAAD(aad)
    decipher.setAuthTag(sealed.subarray(end))
    const plain = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
    } catch {
      return undefined
    }
    // Without the Buffer around it, whose methods differ.
    return new Uint8Array(plain.buffer as ArrayBuffer, plain.byteOffset, plain.length)
  }

  /** CMAC of two counters in front of the label X and half of the nonce, as one block each. */
  #derive(nonce: Uint8Array): KeyObject {
    const blocks = this.#blocks
    for (let half = 0; half < 2; half++) {
      const at = half * 16
      blocks.set([0, half + 1, 0x58, 0], at)
      blocks.set(nonce.subarray(0, 12), at + 4)
      for (let i = 0; i < 16; i++) blocks[at + i]! ^= this.#mask[i]!
    }
    // Node takes six times as long to begin with the bytes of a key as with a KeyObject of them.
    return createSecretKey(this.#ecb.update(blocks))
  }
}

/** Times x in GF(2^128). */
function doubled(block: Uint8Array): Uint8Array {
  const result = new Uint8Array(16)
  for (let i = 0; i < 16; i++) result[i] = ((block[i]! << 1) | ((block[i + 1] ?? 0) >>> 7)) & 0xff
  if ((block[0]! & 0x80) !== 0) result[15]! ^= REDUCTION
  return result
}
