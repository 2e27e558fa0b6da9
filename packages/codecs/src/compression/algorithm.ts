import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'

/** How values are compressed. */
export type AlgorithmName = 'zstd' | 'gzip' | 'brotli'

export interface Algorithm {
  /** Stored: never renumber them. 0: not compressed. */
  readonly code: number
  /** The lowest and highest level. */
  readonly levels: readonly [lowest: number, highest: number]
  /** Where most is gained for the time it takes; those of brotli are for what is compressed once and read for ever. */
  readonly defaultLevel: number
  compress(bytes: Uint8Array, level: number): Uint8Array
  /** @throws what the library throws, also when there would be more than `length` bytes */
  decompress(bytes: Uint8Array, length: number): Uint8Array
}

export const ALGORITHMS: Readonly<Record<AlgorithmName, Algorithm>> = {
  gzip: {
    code: 1,
    levels: [1, 9],
    defaultLevel: 6,
    compress: (bytes, level) => gzipSync(bytes, { level }),
    decompress: (bytes, length) => gunzipSync(bytes, bounded(length)),
  },
  brotli: {
    code: 2,
    levels: [0, 11],
    defaultLevel: 4,
    compress: (bytes, level) =>
      brotliCompressSync(bytes, {
        params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
      }),
    decompress: (bytes, length) => brotliDecompressSync(bytes, bounded(length)),
  },
  zstd: {
    code: 3,
    levels: [1, 19],
    defaultLevel: 3,
    // Told the size, it prepares tables for no more: most of what a small value costs.
    compress: (bytes, level) =>
      zstdCompressSync(bytes, {
        params: { [constants.ZSTD_c_compressionLevel]: level },
        pledgedSrcSize: bytes.length,
      }),
    decompress: (bytes, length) => zstdDecompressSync(bytes, bounded(length)),
  },
}

/** All of it comes in one piece, and no more than that. */
function bounded(length: number): { readonly maxOutputLength: number; readonly chunkSize: number } {
  return { maxOutputLength: Math.max(length, 1), chunkSize: Math.min(Math.max(length, 64), 1 << 20) }
}
