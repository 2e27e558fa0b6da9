import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { Uuid } from '../../src/keys/uuid.ts'

const codec = createCborCodec()

/** With the stack of this line, which is stored too, out of the way. */
function errorWithoutStack(): Error {
  const error = Object.assign(new TypeError('no'), { code: 1 })
  delete error.stack
  return error
}

// Stored in databases and fronts: these literals may grow, never change.
const GOLDEN: readonly (readonly [string, unknown, string])[] = [
  ['undefined', undefined, 'f7'],
  ['null', null, 'f6'],
  ['booleans', [false, true], '82 f4 f5'],
  [
    'small integers',
    [0, 23, 24, 255, 256, 65535, 65536, 4294967295],
    '88 00 17 1818 18ff 190100 19ffff 1a00010000 1affffffff',
  ],
  ['negative integers', [-1, -24, -25, -256, -257, -2147483648], '86 20 37 3818 38ff 390100 3a7fffffff'],
  ['other numbers', [-0, 1.5, 4294967296, -2147483649], '84 d9b5e000 fb3ff8000000000000 fb41f0000000000000 3a80000000'],
  ['numbers that are none', [NaN, Infinity, -Infinity], '83 fb7ff8000000000000 fb7ff0000000000000 fbfff0000000000000'],
  [
    'bigints',
    [0n, 1n, -1n, 256n, 2n ** 64n, -(2n ** 64n) - 1n],
    '86 1b0000000000000000 1b0000000000000001 3b0000000000000000 1b0000000000000100 c249010000000000000000 c349010000000000000000',
  ],
  ['a bigint of more than 1024 bytes', -(1n << 8192n), `d9b5e5 790802 2d31${'30'.repeat(2048)}`],
  ['strings', ['', 'a', 'é', '€👋'], '84 60 6161 62c3a9 67e282acf09f918b'],
  ['a string of 24 bytes', 'x'.repeat(24), `7818${'78'.repeat(24)}`],
  ['a half pair', 'a\ud800', 'd9b5e1 44 6100 00d8'],
  ['an object', { a: 1, b: { c: [] } }, 'a2 6161 01 6162 a1 6163 80'],
  ['a name that is a half pair', { '\udc00': 1 }, 'd9b5e2 82 d9b5e1 42 00dc 01'],
  ['a text that begins with a byte order mark', '\ufeff', 'd9b5e1 42 fffe'],
  [
    'a name that means something to JavaScript',
    JSON.parse('{"__proto__":[[]]}'),
    'd9b5e2 82 695f5f70726f746f5f5f 81 80',
  ],
  ['a hole', [1, , 2], '83 01 d81ff7 02'], // oxlint-disable-line no-sparse-arrays
  ['a date', new Date('2024-02-29T12:00:00Z'), 'c1 1a65e071c0'],
  ['a date with milliseconds', new Date(-1500), 'c1 fbbff8000000000000'],
  ['an invalid date', new Date(NaN), 'c1 fb7ff8000000000000'],
  ['a date that seconds do not tell', new Date(4_400_000_000_000_021), 'd9b5e8 fb432f438daa06002a'],
  ['a Map', new Map([[1, 'a']]), 'd90103 a1 01 6161'],
  ['a Set', new Set([1]), 'd90102 81 01'],
  ['bytes', Uint8Array.of(1, 2), '42 0102'],
  ['an ArrayBuffer', Uint8Array.of(1).buffer, 'd9b5e6 41 01'],
  ['a DataView', new DataView(Uint8Array.of(1).buffer), 'd9b5e7 41 01'],
  ['a Uint8ClampedArray', Uint8ClampedArray.of(1), 'd844 41 01'],
  ['a Uint16Array', Uint16Array.of(1), 'd845 42 0100'],
  ['a Uint32Array', Uint32Array.of(1), 'd846 44 01000000'],
  ['a BigUint64Array', BigUint64Array.of(1n), 'd847 48 0100000000000000'],
  ['an Int8Array', Int8Array.of(-1), 'd848 41 ff'],
  ['an Int16Array', Int16Array.of(-2), 'd84d 42 feff'],
  ['an Int32Array', Int32Array.of(-2), 'd84e 44 feffffff'],
  ['a BigInt64Array', BigInt64Array.of(-2n), 'd84f 48 feffffffffffffff'],
  ['a Float32Array', Float32Array.of(1.5), 'd855 44 0000c03f'],
  ['a Float64Array', Float64Array.of(1.5), 'd856 48 000000000000f83f'],
  ['a RegExp', /a+/gi, 'd81b 83 66526567457870 62612b 626769'],
  ['a RegExp over half a pair', new RegExp('\ud800'), 'd9b5e4 82 d9b5e1 42 00d8 60'],
  ['an error', errorWithoutStack(), 'd9b5e3 84 69547970654572726f72 626e6f f7 a1 64636f6465 01'],
  ['a Uuid', Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057'), 'd825 50 01890a5dac96774bbcceb302099a8057'],
]

describe('the stored form', () => {
  it.each(GOLDEN)('of %s', (_name, value, stored) => {
    expect(Buffer.from(codec.encode(value)).toString('hex')).toBe(stored.replaceAll(' ', ''))
    const copy = codec.decode(Buffer.from(stored.replaceAll(' ', ''), 'hex'))
    if (value instanceof Error) expect(copy).toMatchObject({ name: 'TypeError', message: 'no', code: 1 })
    else expect(isDeepStrictEqual(copy, value)).toBe(true)
  })
})
