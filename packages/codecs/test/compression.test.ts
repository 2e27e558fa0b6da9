import { randomBytes } from 'node:crypto'
import { type AlgorithmName, compressed } from '@tidemark/codecs'
import {
  type Codec,
  CorruptError,
  createCborCodec,
  createJsonCodec,
  createMemoryBack,
  Payload,
  Store,
} from '@tidemark/core'
import fc from 'fast-check'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, test } from 'vitest'
import { encrypting } from './support/keys.ts'

const cbor = createCborCodec()
const ALGORITHMS: readonly AlgorithmName[] = ['zstd', 'gzip', 'brotli']
const LONG = 'a text that repeats itself, and '.repeat(100)

const encode = (codec: Codec, value: unknown): Uint8Array => Payload.encode(codec, value).bytes
const decode = (codec: Codec, bytes: Uint8Array): unknown => Payload.fromBytes(codec, bytes).decode()

function codeOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error
    return error.code
  }
  return 'none'
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const codec = compressed(cbor, { algorithm, minBytes: 0 })

  it('makes what repeats itself smaller, and gives it back', () => {
    const bytes = encode(codec, { text: LONG })
    expect(bytes.length).toBeLessThan(LONG.length / 10)
    expect(decode(codec, bytes)).toEqual({ text: LONG })
  })

  it('leaves what does not become smaller as it is, two bytes longer', () => {
    const noise = new Uint8Array(randomBytes(1_000))
    const bytes = encode(codec, noise)
    expect(bytes.length).toBe(encode(cbor, noise).length + 2)
    expect(decode(codec, bytes)).toEqual(noise)
  })

  it('gives every value back', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 30 }), (value) => {
        expect(decode(codec, encode(codec, value))).toEqual(cbor.decode(cbor.encode(value)))
      }),
      { numRuns: 200 },
    )
  })

  it('finds every cut and every flipped bit, or gives the very value', () => {
    const value = { text: LONG.slice(0, 200) }
    const bytes = encode(codec, value)
    for (let length = 2; length < bytes.length; length++) {
      expect(['TRUNCATED', 'CORRUPT', 'TOO_LARGE']).toContain(codeOf(() => decode(codec, bytes.slice(0, length))))
    }
    for (let i = 16; i < bytes.length * 8; i++) {
      const copy = bytes.slice()
      copy[i >> 3]! ^= 1 << (i & 7)
      // A bit that the format ignores changes nothing: where it is not found, it is still that value.
      codeOf(() => expect(decode(codec, copy)).toEqual(value))
    }
  })

  it('cut off in the middle says so', () => {
    const bytes = encode(codec, { text: LONG, more: Array.from({ length: 500 }, (_, i) => i * 7919) })
    expect(codeOf(() => decode(codec, bytes.slice(0, bytes.length - 40)))).toBe('TRUNCATED')
    expect(codeOf(() => decode(codec, bytes.slice(0, 8)))).toBe('TRUNCATED')
    expect(codeOf(() => decode(codec, bytes.slice(0, 3)))).toBe('TRUNCATED')
  })

  it('does not unfold what says that it is larger than may be, nor what is larger than it says', () => {
    const large = encode(compressed(cbor, { algorithm, minBytes: 0, maxBytes: 0x1000_0000 }), 'x'.repeat(20_000_000))
    expect(large.length).toBeLessThan(100_000)
    expect(codeOf(() => decode(compressed(cbor, { maxBytes: 10_000_000 }), large))).toBe('TOO_LARGE')
    const lying = large.slice()
    new DataView(lying.buffer).setUint32(4, 1_000)
    const before = process.memoryUsage().arrayBuffers
    expect(codeOf(() => decode(codec, lying))).toBe('TOO_LARGE')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
  })

  it('reads what the others have compressed, and what was not compressed', () => {
    for (const other of ALGORITHMS) {
      const bytes = encode(compressed(cbor, { algorithm: other, minBytes: 0 }), { text: LONG })
      expect(decode(codec, bytes)).toEqual({ text: LONG })
    }
    expect(decode(codec, encode(cbor, { text: LONG }))).toEqual({ text: LONG })
  })
})

// Stored in databases and fronts.
describe('these bytes', () => {
  const VALUE = 'tidemark'.repeat(20)

  it.each<[string, string]>([
    ['not compressed', '01 10 00 01 68 74696465 6d61726b'],
    ['gzip', '01 10 01 01 000000a2 515361b5 1f8b0800000000000003ab58509299929a9b58943d586900b5615351a2000000'],
    ['brotli', '01 10 02 01 000000a2 515361b5 1ba10000c46d6cac2de810f144a3370b01c341ba5f53c504'],
    ['zstd', '01 10 03 01 000000a2 515361b5 28b52ffd20a28d00005078a0746964656d61726b010095510509'],
  ])('%s are what they once were', (name, hex) => {
    const value = name === 'not compressed' ? 'tidemark' : VALUE
    expect(decode(compressed(cbor), new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex')))).toBe(value)
  })

  it('have a header that says how, by what codec, how long, and a checksum', () => {
    const bytes = encode(compressed(cbor, { algorithm: 'gzip', minBytes: 0 }), VALUE)
    expect(Buffer.from(bytes.subarray(0, 12)).toString('hex')).toBe('01100101000000a2515361b5')
    expect(Buffer.from(bytes.subarray(12, 14)).toString('hex')).toBe('1f8b')
  })
})

test('a checksum finds what the format does not', () => {
  const codec = compressed(cbor, { minBytes: 0 })
  const bytes = encode(codec, LONG)
  expect(codeOf(() => decode(codec, bytes.with(8, bytes[8]! ^ 1)))).toBe('CORRUPT')
})

test('what is shorter than it says is truncated', () => {
  const codec = compressed(cbor, { minBytes: 0 })
  const bytes = encode(codec, LONG)
  expect(codeOf(() => decode(codec, bytes.with(5, bytes[5]! + 1)))).toBe('TRUNCATED')
})

test('what is small is not compressed', () => {
  const value = 'x'.repeat(400)
  expect(encode(compressed(cbor), value).length).toBe(encode(cbor, value).length + 2)
  expect(encode(compressed(cbor, { minBytes: 400 }), value).length).toBeLessThan(100)
})

test('what is too large to be read is not written', () => {
  const codec = compressed(cbor, { maxBytes: 1 << 20 })
  expect(() => encode(codec, 'x'.repeat(1 << 20))).toThrow(/maxBytes is 1048576/)
  expect(() => encode(codec, 'x'.repeat(1 << 20))).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
  const fits = 'x'.repeat((1 << 20) - 10)
  expect(decode(codec, encode(codec, fits))).toBe(fits)
})

test('levels are those of the algorithm, and wrong options are refused', () => {
  const strong = compressed(cbor, { algorithm: 'brotli', level: 11, minBytes: 0 })
  expect(decode(strong, encode(strong, LONG))).toBe(LONG)
  for (const options of [
    { algorithm: 'lz4' },
    { level: 0 },
    { level: 20 },
    { algorithm: 'gzip', level: 10 },
    { minBytes: -1 },
    { maxBytes: 0 },
    { maxBytes: 1_000 },
    { maxBytes: 2 ** 30 },
  ])
    expect(() => compressed(cbor, options as never)).toThrow(RangeError)
  expect(() => compressed(cbor, { min: 1 } as never)).toThrow(TypeError)
  expect(() => compressed({} as never)).toThrow(TypeError)
  expect(() => compressed(encrypting())).toThrow(/cannot be compressed/)
})

test('an unknown way, or an unknown codec inside, is corrupt and says so', () => {
  const bytes = encode(compressed(cbor, { minBytes: 0 }), LONG)
  expect(() => decode(compressed(cbor), bytes.with(2, 9))).toThrow(/does not know, 9; upgrade/)
  expect(() => decode(compressed(createJsonCodec()), bytes)).toThrow(/codec 1, which is not configured/)
})

test('a stream that somebody else has compressed is not taken for a value', () => {
  const foreign = Uint8Array.of(1, 16, 1, 1, 0, 0, 0, 5, 0, 0, 0, 0, ...gzipSync('hello'))
  expect(codeOf(() => decode(compressed(cbor), foreign))).toBe('CORRUPT')
})

test('the parts of a blob fit, whatever the codec', async () => {
  for (const codec of [compressed(cbor, { maxBytes: 1 << 20 }), compressed(createJsonCodec(), { maxBytes: 1 << 20 })]) {
    const store = new Store(createMemoryBack({ codec }))
    await store.blob('b').write(new Uint8Array(600_000).fill(255))
    expect((await new Response((await store.blob('b').read())!).arrayBuffer()).byteLength).toBe(600_000)
    await store.close()
  }
})

test('what a codec of the application throws is an error of ours, within a compressed one, too', () => {
  const own: Codec = {
    id: 200,
    encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
  }
  for (const codec of [own, compressed(own), compressed(own, { minBytes: 0 }), encrypting(compressed(own))]) {
    expect(() => Payload.encode(codec, 1n)).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
  }
  const bytes = encode(compressed(own), 'a text')
  expect(codeOf(() => decode(compressed(own), bytes.with(4, 0x7b)))).toBe('CORRUPT')
})
