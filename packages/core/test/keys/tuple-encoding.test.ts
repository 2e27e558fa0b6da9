import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CorruptError } from '../../src/errors.ts'
import { type KeyPart, type KeyTuple, MAX_KEY_BYTES } from '../../src/keys/key.ts'
import { decodeTuple, encodeTuple } from '../../src/keys/tuple-encoding.ts'
import { compareBytes, compareTuples } from '../../src/keys/tuple-order.ts'
import { Uuid } from '../../src/keys/uuid.ts'
import { closeTuple, part, parts, tuple } from './arbitrary-keys.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const uuid = Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057')

// Stored in databases: these literals may grow, never change.
const GOLDEN: readonly (readonly [KeyTuple, string])[] = [
  [[''], '02 00'],
  [['user', 42], '02 75736572 00 21 c045000000000000'],
  [['a\0b'], '02 61 00ff 62 00'],
  [['é\u{10000}'], '02 c3a9 f0908080 00'],
  [[Uint8Array.of()], '01 00'],
  [[Uint8Array.of(0, 1, 0xff)], '01 00ff 01 ff 00'],
  [[0n], '14'],
  [[1n], '15 01'],
  [[-1n], '13 fe'],
  [[255n], '15 ff'],
  [[256n], '16 0100'],
  [[-255n], '13 00'],
  [[-256n], '12 feff'],
  [[2n ** 64n - 1n], '1c ffffffffffffffff'],
  [[2n ** 64n], '1d 09 010000000000000000'],
  [[-(2n ** 64n) + 1n], '0c 0000000000000000'],
  [[-(2n ** 64n)], '0b f6 feffffffffffffffff'],
  [[0], '21 8000000000000000'],
  [[1], '21 bff0000000000000'],
  [[-1], '21 400fffffffffffff'],
  [[Infinity], '21 fff0000000000000'],
  [[-Infinity], '21 000fffffffffffff'],
  [[false], '26'],
  [[true], '27'],
  [[uuid], '30 01890a5dac96774bbcceb302099a8057'],
  [[new Date(0)], '33 8000000000000000'],
  [[new Date('2024-02-29T12:00:00.123Z')], '33 8000018df4bc567b'],
  [[new Date(-1)], '33 7fffffffffffffff'],
  [['t', 1n, true, uuid], '02 74 00 15 01 27 30 01890a5dac96774bbcceb302099a8057'],
]

describe('the encoding of a key', () => {
  it.each(GOLDEN)('of %o is the stored one', (key, stored) => {
    expect(hex(encodeTuple(key))).toBe(stored.replaceAll(' ', ''))
    expect(decodeTuple(fromHex(stored))).toStrictEqual(key)
  })

  it.each(Object.entries(parts))('round-trips every %s', (_type, arbitrary: fc.Arbitrary<KeyPart>) => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(decodeTuple(encodeTuple([value]))).toStrictEqual([value])
      }),
    )
  })

  it('round-trips tuples, from a Buffer as well', () => {
    fc.assert(
      fc.property(tuple, (key) => {
        const bytes = encodeTuple(key)
        expect(decodeTuple(bytes)).toStrictEqual(key)
        expect(decodeTuple(Buffer.from(bytes))).toStrictEqual(key)
      }),
    )
  })

  it('sorts as the tuples do', () => {
    for (const arbitrary of [tuple, closeTuple, fc.array(part, { minLength: 1, maxLength: 1 })]) {
      fc.assert(
        fc.property(arbitrary, arbitrary, (a, b) => {
          expect(Math.sign(compareBytes(encodeTuple(a), encodeTuple(b)))).toBe(Math.sign(compareTuples(a, b)))
        }),
        { numRuns: 1000 },
      )
    }
  })

  it.each(Object.entries(parts))(
    'sorts every two of type %s as compareTuples does',
    (_type, arbitrary: fc.Arbitrary<KeyPart>) => {
      fc.assert(
        fc.property(arbitrary, arbitrary, (a, b) => {
          expect(Math.sign(compareBytes(encodeTuple([a]), encodeTuple([b])))).toBe(Math.sign(compareTuples([a], [b])))
        }),
        { numRuns: 500 },
      )
    },
  )

  it('follows the natural order of each type', () => {
    const ascending: readonly KeyTuple[] = [
      [Uint8Array.of()],
      [Uint8Array.of(0)],
      [Uint8Array.of(0, 0)],
      [Uint8Array.of(1)],
      [''],
      ['\0'],
      ['a'],
      ['a', 1],
      ['a\0'],
      ['aa'],
      ['b'],
      ['\uffff'],
      ['\u{10000}'],
      [-(10n ** 30n)],
      [-256n],
      [-255n],
      [0n],
      [9n],
      [10n],
      [10n ** 30n],
      [-Infinity],
      [-1.5],
      [-Number.MIN_VALUE],
      [0],
      [Number.MIN_VALUE],
      [9],
      [10],
      [Infinity],
      [false],
      [true],
      [uuid],
      [new Date(-8.64e15)],
      [new Date(-1)],
      [new Date(0)],
      [new Date(8.64e15)],
    ]
    for (const [i, smaller] of ascending.entries()) {
      for (const larger of ascending.slice(i + 1)) {
        expect([smaller, larger, Math.sign(compareTuples(smaller, larger))]).toEqual([smaller, larger, -1])
        expect([smaller, larger, Math.sign(compareBytes(encodeTuple(smaller), encodeTuple(larger)))]).toEqual([
          smaller,
          larger,
          -1,
        ])
        expect(Math.sign(compareTuples(larger, smaller))).toBe(1)
      }
    }
  })

  it('takes -0 for 0, as a Map does', () => {
    expect(encodeTuple([-0])).toEqual(encodeTuple([0]))
    expect(compareTuples([-0], [0])).toBe(0)
  })

  it('hands out memory of its own', () => {
    const first = encodeTuple(['first'])
    encodeTuple(['other'])
    expect(decodeTuple(first)).toEqual(['first'])
    const bytes = encodeTuple([Uint8Array.of(1, 2)])
    const [decoded] = decodeTuple(bytes)
    bytes.fill(9)
    expect(decoded).toEqual(Uint8Array.of(1, 2))
  })
})

describe('what cannot be a key', () => {
  const impossible: readonly [string, unknown][] = [
    ['NaN', NaN],
    ['an invalid Date', new Date(NaN)],
    ['a lone surrogate', 'a\ud800'],
    ['a trailing half of a pair', '\udc00b'],
    ['null', null],
    ['undefined', undefined],
    ['a symbol', Symbol('s')],
    ['a function', () => 1],
    ['a nested array', ['a']],
    ['an object', { a: 1 }],
    ['a Float64Array', new Float64Array(1)],
  ]
  it.each(impossible)('%s is refused, with what is allowed', (_name, value) => {
    expect(() => encodeTuple(['a', value as KeyPart])).toThrow(TypeError)
    expect(() => encodeTuple(['a', value as KeyPart])).toThrow('Uint8Array')
  })

  it('an empty tuple is refused', () => {
    expect(() => encodeTuple([])).toThrow(TypeError)
  })

  it('a key is refused beyond MAX_KEY_BYTES and not before', () => {
    expect(encodeTuple(['x'.repeat(MAX_KEY_BYTES - 2)])).toHaveLength(MAX_KEY_BYTES)
    for (const long of [
      ['x'.repeat(MAX_KEY_BYTES - 1)],
      ['\0'.repeat(MAX_KEY_BYTES / 2)],
      ['é'.repeat(MAX_KEY_BYTES / 2)],
      [new Uint8Array(MAX_KEY_BYTES)],
      ['x'.repeat(MAX_KEY_BYTES - 4), 1],
      ['x'.repeat(MAX_KEY_BYTES - 4), new Date(0)],
      ['x'.repeat(MAX_KEY_BYTES - 4), uuid],
      ['x'.repeat(MAX_KEY_BYTES - 4), 1n << 800n],
      Array.from({ length: MAX_KEY_BYTES + 1 }, () => true),
    ]) {
      expect(() => encodeTuple(long)).toThrow(RangeError)
    }
    expect(encodeTuple([(1n << 2040n) - 1n])).toHaveLength(257)
    expect(() => encodeTuple([1n << 2040n])).toThrow(RangeError)
  })
})

describe('decoding a damaged key', () => {
  it.each([
    ['nothing', ''],
    ['an unknown type code', '05 00'],
    ['the code of a null', '00'],
    ['a nested tuple', '05 00 00'],
    ['a string without an end', '02 61'],
    ['a string that ends in an escape', '02 61 00ff'],
    ['bad UTF-8', '02 ff 00'],
    ['an encoded surrogate', '02 eda080 00'],
    ['an overlong letter', '02 c1a1 00'],
    ['a truncated number', '21 80000000000000'],
    ['NaN', '21 fff8000000000000'],
    ['negative NaN', '21 0007ffffffffffff'],
    ['-0', '21 7fffffffffffffff'],
    ['a truncated UUID', '30 00'],
    ['a truncated date', '33 80'],
    ['a date out of range', '33 ffffffffffffffff'],
    ['the first date out of range', '33 801eb208c2dc0001'],
    ['a truncated integer', '16 01'],
    ['an integer with a leading zero', '16 0001'],
    ['a negative integer with a leading zero', '12 fffe'],
    ['a big integer that is small', '1d 08 0100000000000000'],
    ['a big integer with a leading zero', '1d 09 000000000000000001'],
    ['a big integer without length', '1d'],
    ['a negative big integer without length', '0b'],
    ['a truncated big integer', '1d 09 01'],
    ['a key beyond MAX_KEY_BYTES', '27'.repeat(MAX_KEY_BYTES + 1)],
  ])('%s is corrupt', (_name, stored) => {
    expect(() => decodeTuple(fromHex(stored))).toThrow(CorruptError)
  })

  it('keeps a byte order mark', () => {
    expect(decodeTuple(encodeTuple(['\ufeffa\u0100']))).toEqual(['\ufeffa\u0100'])
  })

  it('accepts only what encoding produces', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc.tuple(tuple, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([key, at, flip]) => {
        const bytes = encodeTuple(key)
        bytes[at % bytes.length]! ^= flip
        return bytes
      }),
      fc
        .tuple(
          fc.constantFrom(0x0b, 0x1d, 0x0c, 0x1c, 0x15, 0x13, 0x21, 0x33, 0x02, 0x01),
          fc.uint8Array({ maxLength: 14 }),
        )
        .map(([code, rest]) => Uint8Array.of(code, ...rest)),
    )
    fc.assert(
      fc.property(noise, (bytes) => {
        let key: KeyTuple
        try {
          key = decodeTuple(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError)
          return
        }
        expect(hex(encodeTuple(key))).toBe(hex(bytes))
      }),
      { numRuns: 5000 },
    )
  })
})
