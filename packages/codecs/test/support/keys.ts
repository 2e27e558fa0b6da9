import { type AlgorithmName, compressed, encrypted, type EncryptionOptions } from '@tidemark/codecs'
import { type Codec, createCborCodec } from '@tidemark/core'

/** Keys for tests: anybody can know them. */
export const KEY_1 = { id: 1, key: new Uint8Array(32).fill(1) }
export const KEY_2 = { id: 2, key: new Uint8Array(32).fill(2) }

export function encrypting(inner: Codec = createCborCodec(), options: Partial<EncryptionOptions> = {}): Codec {
  return encrypted(inner, { keys: [KEY_1], current: 1, ...options })
}

/** Both, as one uses them. */
export function packed(algorithm: AlgorithmName = 'zstd', options: Partial<EncryptionOptions> = {}): Codec {
  return encrypting(compressed(createCborCodec(), { algorithm, minBytes: 64 }), options)
}
