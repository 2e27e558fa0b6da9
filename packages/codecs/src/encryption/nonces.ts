import { randomFillSync } from 'node:crypto'
import { NONCE_BYTES } from './xaes-256-gcm.ts'

/** As many are drawn at a time: one draw costs as much as half an encryption. */
const POOLED = 128

/** Nonces, at random, none of them twice. */
export class Nonces {
  readonly #pool = new Uint8Array(POOLED * NONCE_BYTES)
  #at = POOLED * NONCE_BYTES

  /** Valid until the next call. */
  next(): Uint8Array {
    if (this.#at === this.#pool.length) {
      randomFillSync(this.#pool)
      this.#at = 0
    }
    return this.#pool.subarray(this.#at, (this.#at += NONCE_BYTES))
  }
}
