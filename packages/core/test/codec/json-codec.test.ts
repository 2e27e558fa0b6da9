import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { createJsonCodec } from '../../src/codec/json.ts'
import { CorruptError, TidemarkError } from '../../src/errors.ts'
import { Uuid } from '../../src/keys/uuid.ts'
import { value } from './arbitrary-values.ts'

const codec = createJsonCodec()
const textOf = (original: unknown): string => new TextDecoder().decode(codec.encode(original))
const read = (text: string): unknown => codec.decode(new TextEncoder().encode(text))

describe('a value that went through JSON', () => {
  it('comes back equal, in the same order', () => {
    fc.assert(
      fc.property(value, (original) => {
        const copy = codec.decode(codec.encode(original))
        expect(isDeepStrictEqual(copy, original)).toBe(true)
        if (original !== null && typeof original === 'object')
          expect(Reflect.ownKeys(copy as object)).toEqual(Reflect.ownKeys(original))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['what looks like a special form', { $date: 'x' }],
    ['what looks like an escaped one', { $plain: { $plain: 1 } }],
    ['half pairs, as values and as names', ['a\ud800', { '\udc00': { $x: '\ufeff' } }]],
    ['a name that means something to JavaScript', JSON.parse('{"__proto__":{"a":1},"toJSON":2}')],
    ['a bigint of many digits', [1n << 9000n, -(1n << 9000n)]],
    ['the largest bigint in decimal digits', [(1n << 8192n) - 1n, 1n - (1n << 8192n)]],
    ['every number that JSON lacks', [-0, NaN, Infinity, -Infinity]],
    ['dates, the last and an invalid one', [new Date(8.64e15), new Date(NaN), new Date(-62_135_596_799_999)]],
    ['holes and undefined', Object.assign([], { length: 4, 1: undefined, 2: null })],
    ['regular expressions', [/a\/b(?<c>.)/giu, new RegExp('[\ud800]')]],
    ['a Uuid', { id: Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057') }],
    [
      'an error with a cause and properties',
      Object.assign(new TypeError('no', { cause: new Map([[1, 2n]]) }), { code: 1 }),
    ],
    ['an error without a message', new RangeError()],
    [
      'what is nested as deeply as may be',
      Array.from({ length: 499 }).reduce<unknown>((inner) => new Map([['k', inner]]), 1),
    ],
  ])('%s comes back equal', (_name, original) => {
    expect(isDeepStrictEqual(codec.decode(codec.encode(original)), original)).toBe(true)
  })

  it('is what CBOR gives back, too', () => {
    const cbor = createCborCodec()
    fc.assert(
      fc.property(value, (original) => {
        expect(isDeepStrictEqual(codec.decode(codec.encode(original)), cbor.decode(cbor.encode(original)))).toBe(true)
      }),
    )
  })
})

// Stored in databases and fronts: these literals may grow, never change.
it.each([
  ['plain data', { a: [1, 'é', null, true], b: {} }, '{"a":[1,"é",null,true],"b":{}}'],
  ['numbers', [-0, NaN, -Infinity], '[{"$number":"-0"},{"$number":"NaN"},{"$number":"-Infinity"}]'],
  ['bigints', [-5n], '[{"$bigint":"-5"}]'],
  ['a bigint of more than 1024 bytes', -(1n << 8192n), `{"$bigint":"-0x1${'0'.repeat(2048)}"}`],
  ['bytes', Uint8Array.of(1, 2), '{"$bytes":"AQI="}'],
  ['dates', [new Date(1), new Date(NaN)], '[{"$date":"1970-01-01T00:00:00.001Z"},{"$date":null}]'],
  ['a Map', new Map([[1, { $a: 1 }]]), '{"$map":[[1,{"$plain":{"$a":1}}]]}'],
  ['a Set', new Set(['a']), '{"$set":["a"]}'],
  ['a hole, and undefined', Object.assign([], { length: 2, 1: undefined }), '[{"$hole":true},{"$undefined":true}]'],
  ['a regular expression', /a/gi, '{"$regexp":["a","gi"]}'],
  [
    'typed arrays',
    [Uint16Array.of(1), Float64Array.of(1.5)],
    '[{"$view":["Uint16Array","AQA="]},{"$view":["Float64Array","AAAAAAAA+D8="]}]',
  ],
  [
    'buffers',
    [Uint8Array.of(1).buffer, new DataView(Uint8Array.of(1).buffer)],
    '[{"$view":["ArrayBuffer","AQ=="]},{"$view":["DataView","AQ=="]}]',
  ],
  ['a Uuid', Uuid.parse('01890a5d-ac96-774b-bcce-b302099a8057'), '{"$uuid":"01890a5d-ac96-774b-bcce-b302099a8057"}'],
  ['an error', withoutStack(new TypeError('no')), '{"$error":["TypeError","no",{"$undefined":true},{"code":1}]}'],
])('%s is this text', (_name, original, text) => {
  expect(textOf(original)).toBe(text)
  expect(isDeepStrictEqual(read(text), original)).toBe(true)
})

function withoutStack(error: Error): Error {
  delete error.stack
  return Object.assign(error, { code: 1 })
}

it('what cannot be stored is refused with its path', () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic
  for (const [refused, message] of [
    [{ a: [() => 1] }, /value\.a\[0\] is a function/],
    [cyclic, /contains itself/],
    [{ b: new URL('http://a.b') }, /value\.b is an instance of URL/],
  ] as const) {
    const attempt = (): unknown => codec.encode(refused)
    expect(attempt).toThrow(TidemarkError)
    expect(attempt).toThrow(message)
  }
})

describe('damaged text', () => {
  it.each([
    ['nothing', ''],
    ['a truncated object', '{"a":1'],
    ['a second value', '1 2'],
    ['an unknown form', '{"$what":1}'],
    ['a wrong number', '{"$number":"12"}'],
    ['a wrong bigint', '{"$bigint":" 1"}'],
    ['a bigint of more decimal digits than are written', `{"$bigint":"${'9'.repeat(2_468)}"}`],
    ['a wrong date', '{"$date":"soon"}'],
    ['bytes that are no base64', '{"$bytes":"*"}'],
    ['a list that is none', '{"$set":1}'],
    ['a pair of three', '{"$map":[[1,2,3]]}'],
    ['a view of half an element', '{"$view":["Uint16Array","AQ=="]}'],
    ['a view of something else', '{"$view":["Function","AQ=="]}'],
    ['an error without properties', '{"$error":["Error","m","s"]}'],
    ['an instance of a class that nobody has registered', '{"$class":["Nobody",{}]}'],
    ['a regular expression that is none', '{"$regexp":["(",""]}'],
    ['an escape around two names', '{"$plain":{"a":1,"b":2}}'],
    ['nesting without end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['nesting deeper than is written', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ])('%s is corrupt', (_name, text) => {
    expect(() => read(text)).toThrow(CorruptError)
  })

  it('bytes that are no UTF-8 are corrupt', () => {
    expect(() => codec.decode(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(CorruptError)
  })

  it('is corrupt or another value, and fails in no other way', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.integer({ min: 1, max: 255 }), (original, at, mask) => {
        const bytes = codec.encode(original)
        bytes[at % bytes.length]! ^= mask
        try {
          codec.decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
