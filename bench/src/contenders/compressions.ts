import { isDeepStrictEqual } from 'node:util'
import { type AlgorithmName, compressed, encrypted } from '@tidemark/codecs'
import { type Codec, createCborCodec, Payload } from '@tidemark/core'
import type { Subject } from '../runner/case.ts'
import { documentOf } from '../workload/document.ts'

const DOCUMENTS = 1_000

/** The codecs that are compared, by what is done to the CBOR. */
export const PIPELINES: Readonly<Record<string, () => Codec>> = {
  plain: () => createCborCodec(),
  zstd: () => compressing('zstd'),
  gzip: () => compressing('gzip'),
  brotli: () => compressing('brotli'),
  encrypted: () => encrypting(createCborCodec()),
  'zstd-encrypted': () => encrypting(compressing('zstd')),
  'gzip-encrypted': () => encrypting(compressing('gzip')),
}

function compressing(algorithm: AlgorithmName): Codec {
  return compressed(createCborCodec(), { algorithm })
}

function encrypting(codec: Codec): Codec {
  return encrypted(codec, { keys: [{ id: 1, key: new Uint8Array(32).fill(1) }], current: 1 })
}

/** Encoding, or decoding, of documents of about 1 KB, one after the other: time of the processor, all threads together. */
export function compressions(name: string, does: 'encode' | 'decode'): Subject {
  const codec = PIPELINES[name]!()
  const documents = Array.from({ length: DOCUMENTS }, (_, number) => documentOf(number))
  const encoded = documents.map((document) => codec.encode(document))
  let at = 0
  const next = {
    encode: () => void codec.encode(documents[at++ % DOCUMENTS]),
    decode: () => void codec.decode(encoded[at++ % DOCUMENTS]!),
  }[does]
  return {
    run(times) {
      const before = process.cpuUsage()
      for (let i = 0; i < times; i++) next()
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    },
    async check() {
      for (const [i, bytes] of encoded.entries()) {
        if (!isDeepStrictEqual(codec.decode(bytes), documents[i])) throw new Error(`document ${i} is another one`)
      }
    },
    async notes() {
      const sizes = encoded.reduce((sum, { length }) => sum + length, 0)
      const plain = documents.reduce((sum, document) => sum + Payload.encode(createCborCodec(), document).byteLength, 0)
      return { 'bytes of one': Math.round(sizes / DOCUMENTS), 'share of plain': Number((sizes / plain).toFixed(3)) }
    },
    close: async () => {},
  }
}
