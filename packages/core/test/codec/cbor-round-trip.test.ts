import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { decode as decodeElsewhere, encode as encodeElsewhere } from 'cbor-x'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { Uuid } from '../../src/keys/uuid.ts'
import { plainValue, value } from './arbitrary-values.ts'

const codec = createCborCodec()
const roundTrip = (original: unknown): unknown => codec.decode(codec.encode(original))

describe('a value that went through CBOR', () => {
  it('comes back equal, in the same order', () => {
    fc.assert(
      fc.property(value, (original) => {
        const copy = roundTrip(original)
        expect(isDeepStrictEqual(copy, original)).toBe(true)
        if (typeof original === 'object' && original !== null)
          expect(Reflect.ownKeys(copy as object)).toEqual(Reflect.ownKeys(original))
      }),
      { numRuns: 2000 },
    )
  })

  it('is encoded the same by every codec, without state between values', () => {
    fc.assert(
      fc.property(value, value, (first, second) => {
        const fresh = createCborCodec()
        const expected = createCborCodec().encode(second)
        fresh.encode(first)
        expect(fresh.encode(second)).toEqual(expected)
        expect(isDeepStrictEqual(createCborCodec().decode(expected), second)).toBe(true)
      }),
    )
  })

  it.each([
    ['-0', -0],
    ['-0 in an array', [-0]],
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['undefined as a property', { a: undefined }],
    ['NaN', NaN],
    ['the bigint of a small number', 1n],
    ['the bigint beyond 2^53', 2n ** 53n + 1n],
    ['a hole', [1, , 3]], // oxlint-disable-line no-sparse-arrays
    ['as many holes as may be', Object.assign([], { length: 10_003, 1: 1, 7: undefined, 10_002: 3 })],
    ['trailing holes', Array.from({ length: 0 }, () => 0).concat(new Array<number>(3))], // oxlint-disable-line no-new-array
    ['a half pair', 'a\ud800b'],
    ['a half pair as a name', { '\udfff': 1 }],
    ['a byte order mark', '\ufeffé' + 'x'.repeat(100)],
    ['an astral name', { '👋': 1, ünï: 2 }],
    ['names that need entries around what needs tags', JSON.parse('{"__proto__":[{"\\ud800":["\\udc00"]}],"a":[]}')],
    ['a regular expression over half a pair', new RegExp('[\ud800]', 'g')],
    ['a bigint of many digits', [(1n << 8192n) - 1n, 1n << 8192n, -(1n << 8192n), (1n << 100_000n) + 1n]],
    ['a Float16Array', 'Float16Array' in globalThis ? Reflect.construct(Reflect.get(globalThis, 'Float16Array') as never, [[1.5, -2]]) : 0], // prettier-ignore
    ['an invalid date', new Date(NaN)],
    ['milliseconds', new Date(1_700_000_000_123)],
    ['the last date', new Date(8.64e15)],
    ['a date before the epoch', new Date(-62_135_596_799_999)],
    ['a Map with keys of every type', new Map<unknown, unknown>([[1, 'a'], ['1', 'b'], [1n, 'c'], [{ a: 1 }, 'd'], [null, new Map([[NaN, -0]])]])], // prettier-ignore
    ['an empty Map, Set, array, object', [new Map(), new Set(), [], {}]],
    ['more properties than 16 bits count', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]))],
    ['a long array', Array.from({ length: 70_000 }, (_, i) => i)],
    ['a regular expression', /a\/b(?<c>.)/giu],
    ['a Uuid', { id: Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057') }],
    ['a long string beyond ASCII', '👋'.repeat(100_000)],
  ])('%s comes back equal', (_name, original) => {
    expect(isDeepStrictEqual(roundTrip(original), original)).toBe(true)
  })

  it('keeps names that mean something to JavaScript as plain data', () => {
    const original = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toJSON":1,"hasOwnProperty":2}',
    ) as object
    const copy = roundTrip(original) as object
    expect(Object.keys(copy)).toEqual(['__proto__', 'constructor', 'toJSON', 'hasOwnProperty'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value).toEqual({ polluted: true })
    expect('polluted' in copy).toBe(false)
    expect('polluted' in {}).toBe(false)
  })

  it('makes an object without prototype a plain one', () => {
    const bare: unknown = Object.assign(Object.create(null), { a: 1 })
    expect(roundTrip(bare)).toStrictEqual({ a: 1 })
  })

  it('keeps neither symbol-keyed nor inherited nor hidden properties, nor the extra properties of an array', () => {
    const original = Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 })
    expect(Reflect.ownKeys(roundTrip(original) as object)).toEqual(['a'])
    expect(roundTrip(Object.assign([1], { extra: 2 }))).toStrictEqual([1])
  })

  it('is the data of an object, whatever its constructor property and symbols say', () => {
    const original = { constructor: { name: 'x' }, [Symbol.iterator]: 1, [Symbol.toStringTag]: 'Blob', a: [1] }
    expect(isDeepStrictEqual(roundTrip(original), { constructor: { name: 'x' }, a: [1] })).toBe(true)
    const bare: unknown = Object.assign(Object.create(null), { constructor: null })
    expect(isDeepStrictEqual(roundTrip(bare), { constructor: null })).toBe(true)
  })

  it('is that of an array, of whichever class', () => {
    class List extends Array<number> {}
    expect(roundTrip({ list: List.of(1, 2) })).toStrictEqual({ list: [1, 2] })
    expect(roundTrip([new Proxy([1, 2], {})])).toStrictEqual([[1, 2]])
  })

  it('does not include what Object.prototype was given', () => {
    Object.defineProperty(Object.prototype, 'extra', {
      value: () => 1,
      enumerable: true,
      configurable: true,
      writable: true,
    })
    try {
      expect(Object.keys(roundTrip({ a: 1 }) as object)).toEqual(['a'])
    } finally {
      Reflect.deleteProperty(Object.prototype, 'extra')
    }
  })

  it('reads getters once', () => {
    let reads = 0
    const original = {
      get a() {
        return ++reads
      },
    }
    expect(roundTrip(original)).toStrictEqual({ a: 1 })
  })

  it('is not disturbed by a getter that encodes', () => {
    const original = {
      before: 'b',
      get inner() {
        return codec.encode({ nested: 'x'.repeat(100) })
      },
      after: 'a',
    }
    const copy = roundTrip(original) as typeof original
    expect([copy.before, copy.after]).toEqual(['b', 'a'])
    expect(codec.decode(copy.inner)).toEqual({ nested: 'x'.repeat(100) })
  })

  it('makes two copies of what it refers to twice', () => {
    const shared = { a: 1 }
    const [first, second] = roundTrip([shared, shared]) as object[]
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
  })

  it('may come from another realm', () => {
    const foreign: unknown = runInNewContext(
      '({ o: { a: 1 }, l: [1], d: new Date(5), m: new Map([[1, 2]]), s: new Set([1]), r: /a/g, u: Uint8Array.of(1), e: new TypeError("x") })',
    )
    const copy = roundTrip(foreign) as Record<string, unknown>
    expect(copy).toMatchObject({
      o: { a: 1 },
      l: [1],
      d: new Date(5),
      m: new Map([[1, 2]]),
      s: new Set([1]),
      r: /a/g,
      u: Uint8Array.of(1),
    })
    expect(copy['e']).toBeInstanceOf(TypeError)
  })

  it('can be read by another implementation when it is plain', () => {
    fc.assert(
      fc.property(plainValue, (original) => {
        // It renames this one to protect itself.
        fc.pre(!JSON.stringify(original).includes('__proto__'))
        expect(decodeElsewhere(codec.encode(original))).toEqual(original)
      }),
    )
    const rich = {
      d: new Date(1_700_000_000_123),
      n: 2n ** 70n,
      s: new Set([1]),
      m: new Map([[1, 2]]),
      f: Float64Array.of(1.5),
      r: /a/g,
    }
    expect(decodeElsewhere(codec.encode(rich))).toEqual(rich)
  })
})

describe('an error that went through CBOR', () => {
  it('keeps class, name, message, stack, cause and its own properties', () => {
    const cause = new RangeError('deep')
    const original = Object.assign(new TypeError('shallow', { cause }), { code: 'E_X', details: { n: 1n } })
    const copy = roundTrip(original) as typeof original
    expect(copy).toBeInstanceOf(TypeError)
    expect(copy.message).toBe('shallow')
    expect(copy.stack).toBe(original.stack)
    expect(copy.code).toBe('E_X')
    expect(copy.details).toEqual({ n: 1n })
    expect(copy.cause).toBeInstanceOf(RangeError)
    expect((copy.cause as Error).message).toBe('deep')
    expect(Object.keys(copy)).toEqual(['code', 'details'])
  })

  it('of a class of the application comes back as an Error with its name', () => {
    class PaymentError extends Error {
      override name = 'PaymentError'
      amount = 5
    }
    const copy = roundTrip(new PaymentError('declined')) as PaymentError
    expect(copy).toBeInstanceOf(Error)
    expect(copy).not.toBeInstanceOf(PaymentError)
    expect([copy.name, copy.message, copy.amount]).toEqual(['PaymentError', 'declined', 5])
    expect(String(copy)).toBe('PaymentError: declined')
  })

  it('keeps the errors of an AggregateError', () => {
    const copy = roundTrip(new AggregateError([new Error('a'), 'b'], 'both')) as AggregateError
    expect(copy).toBeInstanceOf(AggregateError)
    expect(copy.errors).toHaveLength(2)
    expect((copy.errors[0] as Error).message).toBe('a')
  })

  it('may be a DOMException', () => {
    const copy = roundTrip(new DOMException('stopped', 'AbortError')) as Error
    expect(copy).toBeInstanceOf(Error)
    expect([copy.name, copy.message]).toEqual(['AbortError', 'stopped'])
  })

  it('tells an absent message from an empty one, and keeps hostile names', () => {
    expect(Object.hasOwn(roundTrip(new Error()) as object, 'message')).toBe(false)
    expect(Object.hasOwn(roundTrip(new Error('')) as object, 'message')).toBe(true)
    const hostile = Object.defineProperty(new Error('x'), '__proto__', { value: { polluted: 1 }, enumerable: true })
    const copy = roundTrip(hostile) as Error
    expect(copy).toBeInstanceOf(Error)
    expect(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value).toEqual({ polluted: 1 })
  })
})

describe('memory', () => {
  const bytesOf = (view: Uint8Array): number[] => Array.from(view)

  it('of encoded bytes is not written to again', () => {
    const first = codec.encode({ a: 'first' })
    const before = bytesOf(first)
    for (let i = 0; i < 100; i++) codec.encode({ b: 'other'.repeat(i * 10) })
    expect(bytesOf(first)).toEqual(before)
    expect(first.buffer.byteLength).toBe(first.byteLength)
  })

  it.each([
    ['a Uint8Array', (bytes: Uint8Array) => bytes],
    ['a Buffer', (bytes: Uint8Array) => Buffer.from(bytes)],
    ['an odd offset', (bytes: Uint8Array) => Uint8Array.of(0, ...bytes).subarray(1)],
  ])('of a decoded value is its own, read from %s', (_name, wrap) => {
    const original = [
      Uint8Array.of(1, 2),
      Float64Array.of(1.5),
      Uint8Array.of(7).buffer,
      BigInt64Array.of(5n),
      new DataView(new ArrayBuffer(3)),
    ]
    const input = wrap(codec.encode(original))
    const copy = codec.decode(input)
    const again = codec.decode(input)
    input.fill(0xff)
    expect(isDeepStrictEqual(copy, original)).toBe(true)
    ;((copy as unknown[])[0] as Uint8Array)[0] = 9
    expect(isDeepStrictEqual(again, original)).toBe(true)
    expect(Object.keys(input)).toHaveLength(input.length)
  })

  it('of a Buffer or a window of a larger buffer holds what the window shows, as a plain Uint8Array', () => {
    const buffer = Buffer.from('abcdef').subarray(2, 4)
    expect(roundTrip(buffer)).toStrictEqual(Uint8Array.of(99, 100))
    const floats = new Float32Array(new ArrayBuffer(16), 4, 2)
    floats[0] = 1.5
    expect(roundTrip(floats)).toStrictEqual(Float32Array.of(1.5, 0))
    expect(roundTrip(new Uint8Array(new SharedArrayBuffer(2)))).toStrictEqual(new Uint8Array(2))
  })

  it('is not held for the sake of one large value', () => {
    const large = 'x'.repeat(5_000_000)
    expect(roundTrip({ large })).toEqual({ large })
    expect(roundTrip({ small: 1 })).toEqual({ small: 1 })
    // The memory that cbor-x writes to next.
    expect(encodeElsewhere(1).buffer.byteLength).toBeLessThan(1 << 20)
  })
})
