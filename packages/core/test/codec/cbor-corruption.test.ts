import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { CorruptError } from '../../src/errors.ts'
import { value } from './arbitrary-values.ts'

const codec = createCborCodec()
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** The value, or undefined when the bytes were found to be corrupt. Fails for any other outcome. */
function attempt(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptError)
    return undefined
  }
}

const builtins = [Object.prototype, Array.prototype, Map.prototype, Error.prototype, Function.prototype]
const before = builtins.map((prototype) => Reflect.ownKeys(prototype).map(String).join())

afterEach(() => {
  expect(builtins.map((prototype) => Reflect.ownKeys(prototype).map(String).join())).toEqual(before)
  expect(codec.decode(codec.encode({ still: 'working' }))).toEqual({ still: 'working' })
})

describe('damaged bytes', () => {
  it.each([
    ['nothing', ''],
    ['a truncated head', '19 01'],
    ['a truncated float', 'fb 00000000000000'],
    ['a truncated string', '63 6161'],
    ['a truncated byte string', '42 00'],
    ['a truncated array', '82 01'],
    ['a truncated object', 'a1 6161'],
    ['a missing value before the end', 'a2 6161 01'],
    ['a second value', '01 02'],
    ['a trailing byte', '80 00'],
    ['a 64-bit length', '9b 0000000000000001 01'],
    ['a truncated 64-bit integer', '1b 00000000000001'],
    ['a 64-bit tag', 'db 0000000000000001 00'],
    ['a date of a 64-bit integer', 'c1 1b 0000000000000001'],
    ['a float of 32 bits', 'fa 3fc00000'],
    ['an array without end', '9f 01 ff'],
    ['a string in pieces', '7f 6161 ff'],
    ['a half float', 'f9 3c00'],
    ['a reserved argument', '1c'],
    ['a hole outside an array', 'e0'],
    ['an unknown simple value', 'f8 20'],
    ['a stop', 'ff'],
    ['bad UTF-8', '61 ff'],
    ['an encoded surrogate', '63 eda080'],
    ['overlong UTF-8', '62 c080'],
    ['truncated UTF-8', '62 e282'],
    ['UTF-8 beyond Unicode', '64 f4908080'],
    ['bad UTF-8 in a name', 'a1 61 ff 01'],
    ['text with a mark that decoders strip', `7841 efbbbf ${'78'.repeat(62)}`],
    ['the name __proto__ in a plain object', 'a1 695f5f70726f746f5f5f a0'],
    ['a bigint as a name', 'a1 1b 0000000000000001 01'],
    ['a tag as a name', 'a1 d9b5e1 40 01'],
    ['a number as a name', 'a1 01 01'],
    ['an object as a name', 'a1 a0 01'],
    ['an unknown tag', 'd8 63 40'],
    ['a tag without content', 'c1'],
    ['a tag with content of another kind', 'c1 6161'],
    ['a bigint of text', 'c2 6161'],
    ['a Set of a number', 'd90102 01'],
    ['a Map of an array', 'd90103 80'],
    ['an unknown generic object', 'd81b 81 63 466f6f'],
    ['a generic object named like a global', 'd81b 82 68 46756e6374696f6e 61 61'],
    ['a generic object without name', 'd81b 80'],
    ['a generic object in the shape of a RegExp', 'd81b 83 66 4f626a656374 6161 60'],
    ['an error of another library', 'd81b 82 65 4572726f72 60'],
    ['an error whose properties are a list', 'd9b5e3 84 65 4572726f72 f7 f7 80'],
    ['an error whose message is a number', 'd9b5e3 84 65 4572726f72 01 f7 a0'],
    ['an error without name', 'd9b5e3 80'],
    ['an entry without value', 'd9b5e2 81 6161'],
    ['an entry named by a number', 'd9b5e2 82 01 01'],
    ['code units and a half', 'd9b5e1 43 610000'],
    ['a negative zero of one', 'd9b5e0 01'],
    ['an absent element outside an array', 'd81f f7'],
    ['an absent element of a Set', 'd90102 81 d81f f7'],
    ['an absent property', 'a1 6161 d81f f7'],
    ['an absent element that is present', '81 d81f 01'],
    ['a bigint that takes quadratic time', `c2 590401 ${'ff'.repeat(1025)}`],
    ['an array longer than V8 allocates', `9a 02000001 ${'00'.repeat(0x200_0001)}`],
    ['a shared structure of another library', 'd9dfff 83 19e000 81 6161 01'],
    ['a structure by number', 'd9e000 8101'],
    ['structures defined ahead', 'd9dffe 83 19e000 816161 01'],
    ['a structure of an older release', 'd869 83 19e000 816161 01'],
    ['strings in a bundle', 'd9dff9 82 1a00000005 00 60 60'],
    ['a reference target', 'd81c 80'],
    ['a reference', 'd81d 00'],
    ['a packed reference', 'c6 00'],
    ['a packed prefix', 'd8e1 60'],
    ['shared data', 'da53687264 00'],
    ['CBOR that describes itself', 'd9d9f7 00'],
    ['a date in text', 'c0 6a323032342d30312d3031'],
    ['a decimal fraction', 'c4 820101'],
    ['a tagged Uint8Array', 'd840 4101'],
    ['packed values of another library', 'd833 84 81 6161 80 80 e0'],
  ])('%s is corrupt, found out by ourselves', (_name, stored) => {
    expect(() => codec.decode(fromHex(stored))).toThrow(CorruptError)
    expect(() => codec.decode(fromHex(stored))).toThrow(/^not an encoded value: /)
  })

  it.each([
    ['a UUID of 15 bytes', 'd825 4f 000000000000000000000000000000'],
    ['a Float64Array of 7 bytes', 'd856 47 00000000000000'],
    ['a RegExp that is none', 'd81b 83 66 526567457870 61 28 60'],
    ['a RegExp with wrong flags', 'd81b 83 66 526567457870 61 61 61 71'],
    ['a bigint that is no number', 'd9b5e5 6178'],
  ])('%s is corrupt, whoever finds out', (_name, stored) => {
    expect(() => codec.decode(fromHex(stored))).toThrow(CorruptError)
  })

  it('noise is a value or corrupt', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void attempt(bytes)),
      { numRuns: 20_000 },
    )
  })

  it('noise behind a promising head is a value or corrupt', () => {
    const heads = fc.constantFrom(
      '82',
      'a2',
      'b82f',
      'd90102',
      'd90103',
      'd9b5e2 84',
      'd9b5e3 84 65 4572726f72',
      'd9b5e4 82',
      'd9b5e1',
      'd9b5e5',
      '83 d81f',
      'd81b 83 66 526567457870',
      'd825',
      'd856',
      'c1',
      'c2',
      'a1 69 5f5f70726f746f5f5f a1 61 78',
    )
    const bytes = fc
      .tuple(heads, fc.uint8Array({ maxLength: 40 }))
      .map(([head, rest]) => Uint8Array.of(...fromHex(head), ...rest))
    fc.assert(
      fc.property(bytes, (noise) => void attempt(noise)),
      { numRuns: 10_000 },
    )
  })

  it('every truncation is corrupt', () => {
    fc.assert(
      fc.property(value, fc.nat(), (original, length) => {
        const bytes = codec.encode(original)
        expect(() => codec.decode(bytes.subarray(0, length % bytes.length))).toThrow(CorruptError)
      }),
      { numRuns: 1000 },
    )
  })

  it('every flipped bit gives a value or is corrupt', () => {
    fc.assert(
      fc.property(value, fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 3 }), (original, flips) => {
        const bytes = codec.encode(original)
        for (const [at, bit] of flips) bytes[at % bytes.length]! ^= 1 << bit
        attempt(bytes)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('hostile bytes', () => {
  it.each([
    ['an array', '9a ffffffff'],
    ['an object', 'ba ffffffff'],
    ['a string', '7a ffffffff'],
    ['a byte string', '5a ffffffff'],
    ['a Map', 'd90103 ba ffffffff'],
    ['a Set', 'd90102 9a ffffffff'],
  ])('%s of four billion elements allocates nothing', (_name, stored) => {
    expect(() => codec.decode(fromHex(stored))).toThrow('truncated')
  })

  it('lengths within lengths that are each plausible do not add up', () => {
    // Each of 400 arrays claims a million elements: 3 GB if they were allocated as announced.
    const bytes = new Uint8Array(1_002_000)
    for (let i = 0; i < 400; i++) bytes.set(fromHex('9a 000f4240'), i * 5)
    const heapBefore = process.memoryUsage().heapUsed
    expect(() => codec.decode(bytes)).toThrow(CorruptError)
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(200_000_000)
  })

  it.each([
    ['arrays', '81'],
    ['objects', 'a1 6161'],
    ['Sets', 'd90102 81'],
    ['Maps', 'd90103 a1 01'],
    ['keys of Maps', 'd90103 a1'],
    ['generic objects', 'd81b 81'],
    ['errors', 'd9b5e3 81'],
    ['objects as entries', 'd9b5e2 82 60'],
    ['tags', 'c1'],
    ['tags of tags', 'd90102'],
    ['names', 'a1'],
  ])('a million nested %s are corrupt, not a stack overflow', (_name, unit) => {
    const bytes = fromHex(unit.replaceAll(' ', '').repeat(1_000_000))
    let caught: unknown
    try {
      codec.decode(bytes)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(CorruptError)
    expect((caught as CorruptError).cause).toBeUndefined()
  })
})
