import fc from 'fast-check'

/** Strings that end in every branch of the text encoding: lengths around each head size, every width of UTF-8, half pairs. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'é', '€', '👋', '\0', '\ufeff', '\ud800', '\udc00') }),
  fc
    .tuple(
      fc.constantFrom(0, 1, 22, 23, 24, 31, 32, 33, 85, 86, 254, 255, 256, 16383, 16384, 21845, 21846, 65535, 65536),
      fc.constantFrom('a', 'é', '€', '👋'),
    )
    .map(([length, unit]) => unit.repeat(length)),
)

const name = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toJSON',
    'hasOwnProperty',
    'prototype',
    'toString',
    'length',
    '0',
    '1',
    '\ud800',
    'x'.repeat(40),
    'é'.repeat(12),
  ),
)

const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(
    -0,
    0,
    23,
    24,
    255,
    256,
    65535,
    65536,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    -1,
    -24,
    -25,
    -256,
    -257,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53,
    Infinity,
    -Infinity,
    NaN,
  ),
)

const bigint = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.constantFrom(0n, -1n, 255n, 256n, 2n ** 53n, 2n ** 64n, -(2n ** 64n), 1n << 3000n),
)

const date = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(new Date(8.64e15), new Date(-8.64e15), new Date(8.64e15 - 1), new Date(-1), new Date(1)),
)

const typedArray: fc.Arbitrary<unknown> = fc.oneof(
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int8Array(),
  fc.uint16Array(),
  fc.int16Array(),
  fc.uint32Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
  fc.uint8Array().map((bytes) => new DataView(new Uint8Array(bytes).buffer)),
)

const regExp = fc
  .tuple(fc.constantFrom('a', '\\/', '(?<year>\\d+)', '\n', '[^]'), fc.constantFrom('', 'g', 'im', 'dgimsuy', 'v'))
  .map(([source, flags]) => new RegExp(source, flags))

const error = fc
  .tuple(fc.constantFrom(Error, TypeError, RangeError, SyntaxError, EvalError, ReferenceError, URIError), anyText)
  .map(([type, message]) => new type(message))

/** Everything that comes back equal, containers within containers. */
export const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(
    anyText,
    number,
    bigint,
    fc.boolean(),
    fc.constantFrom(null, undefined),
    date,
    typedArray,
    regExp,
    error,
  ),
  array: fc.array(tie('any'), { maxLength: 6 }),
  sparse: fc.sparseArray(tie('any'), { maxLength: 6 }),
  record: fc.array(fc.tuple(name, tie('any')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
  map: fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 4 }).map((entries) => new Map(entries)),
  set: fc.array(tie('any'), { maxLength: 4 }).map((elements) => new Set(elements)),
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    tie('array'),
    tie('sparse'),
    tie('record'),
    tie('map'),
    tie('set'),
  ),
})).any

/** What JSON text says (which has no -0), with well-formed strings: common ground with other CBOR implementations. */
export const plainValue: fc.Arbitrary<unknown> = fc
  .json({ stringUnit: 'grapheme' })
  .map((text): unknown => JSON.parse(text, (_name, part: unknown) => (part === 0 ? 0 : part)))
