import fc from 'fast-check'
import type { KeyPart, KeyTuple } from '../../src/keys/key.ts'
import { Uuid } from '../../src/keys/uuid.ts'

/** Strings that stress separators, escapes, terminators, look-alikes of other types, and the order of astral characters. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme-ascii' }),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      'a',
      'b',
      '\0',
      '\u00ff',
      ':',
      '%',
      "'",
      '~',
      '\uffff',
      '\ue000',
      '\u{10000}',
      '\u{e0001}',
      '\u200b',
    ),
  }),
  fc.constantFrom(
    '',
    '42',
    '-1.5',
    '42n',
    '!true',
    '~00',
    '@2024-01-01T000000.000Z',
    '+inf',
    '-inf',
    '__proto__',
    'a:b',
    "'a",
  ),
  fc.string({ unit: fc.constantFrom('%', '0', '1', '2', '3', 'u', ':', 'a', 'f') }),
)

const number = fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value))
const bigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -300n, max: 300n }),
  fc
    .integer({ min: 0, max: 80 })
    .chain((bits) => fc.constantFrom(1n << BigInt(bits), (1n << BigInt(bits)) - 1n, -(1n << BigInt(bits)))),
)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 5 }).map((items) => Uint8Array.from(items)),
)

export const parts = {
  text,
  number: fc.oneof(
    number,
    fc.integer(),
    fc.constantFrom(0, Infinity, -Infinity, Number.MIN_VALUE, -Number.MIN_VALUE, 1e21),
  ),
  bigint,
  boolean: fc.boolean(),
  bytes,
  date: fc.oneof(
    fc.date({ noInvalidDate: true }),
    fc.constantFrom(new Date(8.64e15), new Date(-8.64e15), new Date(0), new Date(-1)),
  ),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((content) => Uuid.from(content)),
} as const

export const part: fc.Arbitrary<KeyPart> = fc.oneof(...(Object.values(parts) as fc.Arbitrary<KeyPart>[]))

export const tuple: fc.Arbitrary<KeyTuple> = fc.array(part, { minLength: 1, maxLength: 4 })

/** From few parts, so that equal tuples, prefixes and near misses are common. */
export const closeTuple: fc.Arbitrary<KeyTuple> = fc.array(
  fc.constantFrom<KeyPart>(
    '',
    'a',
    'a\0',
    'a\0b',
    'ab',
    'b',
    '1',
    1,
    1n,
    0,
    0n,
    true,
    false,
    Uint8Array.of(),
    Uint8Array.of(0),
    Uint8Array.of(97),
    new Date(0),
    new Date(1),
  ),
  { minLength: 1, maxLength: 3 },
)
