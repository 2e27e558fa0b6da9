import {
  assertKnown,
  type Codec,
  codecPort,
  CorruptError,
  type EnvelopeCodec,
  isBinding,
  isEnvelopeCodec,
  isJudging,
  type JudgingCodec,
  oneOf,
  readWith,
  type ReadingCodec,
  TidemarkError,
  wholeBetween,
} from '@tidemark/core'
import { crc32 } from 'node:zlib'
import { type Algorithm, type AlgorithmName, ALGORITHMS } from './algorithm.ts'

/** How {@link compressed} compresses. */
export interface CompressionOptions {
  /** @default 'zstd' */
  readonly algorithm?: AlgorithmName | undefined
  /** zstd: 1..19, gzip: 1..9, brotli: 0..11. @default 3, 6 and 4 */
  readonly level?: number | undefined
  /** What takes less is stored as it is. @default 512 */
  readonly minBytes?: number | undefined
  /**
   * The largest value, encoded and not compressed, that is written or read: what is small when it is stored can be huge when it
   * is read. A part of a blob has to fit: 1,048,576..536,870,912. @default 67,108,864
   */
  readonly maxBytes?: number | undefined
}

const OPTIONS: readonly (keyof CompressionOptions)[] = ['algorithm', 'level', 'minBytes', 'maxBytes']
const NAMES = Object.keys(ALGORITHMS) as AlgorithmName[]

/** Stored: never change it. */
const ID = 16
const NOT_COMPRESSED = 0
/** `[algorithm][codec of what is compressed]`, and then, of what is compressed, its length and its CRC-32, both big-endian. */
const SIZE_AT = 2
const CRC_AT = 6
const HEADER_BYTES = 10

/** Parts of blobs have 256 KiB, and take more in JSON. */
const MIN_MAX_BYTES = 0x10_0000

const NO_PREFIX = new Uint8Array(0)

/**
 * A codec that compresses what `codec` encodes, where that makes it smaller. Reads what `codec` alone has written, too, and
 * what was compressed in any other way.
 *
 * @throws TypeError or RangeError for an option that is unknown or out of range, and for an encrypted codec: what is encrypted
 * cannot be compressed
 */
export function compressed(codec: Codec, options: CompressionOptions = {}): Codec {
  codecPort('the codec', codec)
  if (isBinding(codec))
    throw new TypeError('what is encrypted cannot be compressed: encrypted(compressed(codec, …), …)')
  assertKnown(options, OPTIONS, 'compressed')
  const algorithm = ALGORITHMS[oneOf('option algorithm', options.algorithm ?? 'zstd', NAMES)]
  const level = wholeBetween('option level', options.level ?? algorithm.defaultLevel, ...algorithm.levels)
  const minBytes = wholeBetween('option minBytes', options.minBytes ?? 512, 0, 0x2000_0000)
  const maxBytes = wholeBetween('option maxBytes', options.maxBytes ?? 0x400_0000, MIN_MAX_BYTES, 0x2000_0000)
  const codecs = [codec]

  function encodeAfter(prefix: Uint8Array, value: unknown): Uint8Array {
    const plain = encodePlain(codec, prefix, value)
    const encoded = plain.subarray(prefix.length + SIZE_AT)
    if (encoded.length > maxBytes) throw tooLargeToWrite(encoded.length, maxBytes)
    if (encoded.length < minBytes) return plain
    const packed = algorithm.compress(encoded, level)
    if (!isWorthIt(packed, encoded)) return plain
    const bytes = new Uint8Array(prefix.length + HEADER_BYTES + packed.length)
    bytes.set(plain.subarray(0, prefix.length + SIZE_AT))
    bytes[prefix.length] = algorithm.code
    const view = new DataView(bytes.buffer, prefix.length)
    view.setUint32(SIZE_AT, encoded.length)
    view.setUint32(CRC_AT, crc32(encoded))
    bytes.set(packed, prefix.length + HEADER_BYTES)
    return bytes
  }

  function decodeAfter(at: number, bytes: Uint8Array): unknown {
    if (bytes.length < at + SIZE_AT) throw truncated()
    const innerId = bytes[at + 1]!
    if (bytes[at] === NOT_COMPRESSED)
      return readWith(codecs, innerId, (inner) => decodeFrom(inner, at + SIZE_AT, bytes))
    const plain = decompressed(bytes.subarray(at), maxBytes)
    return readWith(codecs, innerId, (inner) => inner.decode(plain))
  }

  function isCurrent(bytes: Uint8Array): boolean {
    if (bytes[1] !== codec.id) return false
    if (bytes[0] !== NOT_COMPRESSED) {
      return bytes[0] === algorithm.code && (!isJudging(codec) || codec.isCurrent(decompressed(bytes, maxBytes)))
    }
    const encoded = bytes.subarray(SIZE_AT)
    if (isJudging(codec) && !codec.isCurrent(encoded)) return false
    return encoded.length < minBytes || !isWorthIt(algorithm.compress(encoded, level), encoded)
  }

  const made: EnvelopeCodec & ReadingCodec & JudgingCodec = {
    id: ID,
    alsoReads: codecs,
    encode: (value) => encodeAfter(NO_PREFIX, value),
    decode: (bytes) => decodeAfter(0, bytes),
    encodeAfter,
    decodeAfter,
    isCurrent,
  }
  return made
}

function isWorthIt(packed: Uint8Array, encoded: Uint8Array): boolean {
  return packed.length + HEADER_BYTES - SIZE_AT < encoded.length
}

/** As it is stored when it is not compressed. */
function encodePlain(codec: Codec, prefix: Uint8Array, value: unknown): Uint8Array {
  const header = new Uint8Array(prefix.length + SIZE_AT)
  header.set(prefix)
  header[prefix.length] = NOT_COMPRESSED
  header[prefix.length + 1] = codec.id
  if (isEnvelopeCodec(codec)) return codec.encodeAfter(header, value)
  const encoded = codec.encode(value)
  const bytes = new Uint8Array(header.length + encoded.length)
  bytes.set(header)
  bytes.set(encoded, header.length)
  return bytes
}

function decodeFrom(codec: Codec, at: number, bytes: Uint8Array): unknown {
  return isEnvelopeCodec(codec) ? codec.decodeAfter(at, bytes) : codec.decode(bytes.subarray(at))
}

function decompressed(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const algorithm = algorithmOf(bytes[0]!)
  if (bytes.length < HEADER_BYTES) throw truncated()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = view.getUint32(SIZE_AT)
  if (size > maxBytes) throw tooLarge(size, maxBytes)
  let plain: Uint8Array
  try {
    plain = algorithm.decompress(bytes.subarray(HEADER_BYTES), size)
  } catch (cause) {
    throw undecompressable(cause, size)
  }
  if (plain.length < size) throw truncated()
  if (crc32(plain) !== view.getUint32(CRC_AT))
    throw new CorruptError('what was compressed is damaged: its checksum differs')
  // Without the Buffer around it, whose methods differ.
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length)
}

function algorithmOf(code: number): Algorithm {
  for (const algorithm of Object.values(ALGORITHMS)) if (algorithm.code === code) return algorithm
  throw new CorruptError(`a value is compressed in a way that this release does not know, ${code}; upgrade it`, {
    mayBeWhole: true,
  })
}

function undecompressable(cause: unknown, size: number): CorruptError {
  const code = (cause as { code?: unknown }).code
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    return new CorruptError(`what was compressed is larger than the ${size} bytes that it says`, {
      code: 'TOO_LARGE',
      cause,
    })
  }
  // zlib runs out of input in the middle of a stream.
  if (code === 'Z_BUF_ERROR') return truncated(cause)
  return new CorruptError('what was compressed is damaged', { cause })
}

function truncated(cause?: unknown): CorruptError {
  return new CorruptError('a compressed value is truncated', { code: 'TRUNCATED', cause })
}

function tooLarge(size: number, maxBytes: number): CorruptError {
  return new CorruptError(`a value of ${size} bytes is compressed, and maxBytes is ${maxBytes}`, { code: 'TOO_LARGE' })
}

function tooLargeToWrite(size: number, maxBytes: number): TidemarkError {
  const message = `the value takes ${size} bytes when encoded, and maxBytes is ${maxBytes}; store its parts under keys of their own, or raise maxBytes`
  return new TidemarkError('UNENCODABLE', message)
}
