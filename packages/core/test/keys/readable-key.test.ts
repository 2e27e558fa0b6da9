import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CorruptError } from '../../src/errors.ts'
import { type Key, type KeyPart, type KeyTuple, MAX_KEY_BYTES } from '../../src/keys/key.ts'
import { parseKey, renderKey, renderKeyOf } from '../../src/keys/readable-key.ts'
import { compareTuples } from '../../src/keys/tuple-order.ts'
import { Uuid } from '../../src/keys/uuid.ts'
import { closeTuple, text, tuple } from './arbitrary-keys.ts'

// The names of Redis keys: these literals may grow, never change.
const GOLDEN: readonly (readonly [KeyTuple, string])[] = [
  [['user', 42], 'user:42'],
  [['user', '42'], "user:'42"],
  [['Ada.Lovelace-1815@example.org/x+y=z'], 'Ada.Lovelace-1815@example.org/x+y=z'],
  [['_hidden', ''], "_hidden:'"],
  [['two words', "it's"], "'two words:'it's"],
  [['a:b', '100%', 'line\n'], "'a%3ab:'100%25:'line%0a"],
  [['Zürich', '東京', 'Ελλάδα', '👋'], 'Zürich:東京:Ελλάδα:👋'],
  [
    ['zero\u200bwidth', '\u202eright-to-left', '\u00a0', '\u{e0001}'],
    "'zero%u200bwidth:'%u202eright-to-left:'%u00a0:'%udb40%udc01",
  ],
  [['!true', '~00', '@x', '$y', "'z", '-1', '+inf', '.hidden'], "'!true:'~00:'@x:'$y:''z:'-1:'+inf:'.hidden"],
  [['{tag}', 'a*b?', '[c]'], "'{tag}:'a*b?:'[c]"],
  [[0, -1.5, 1e21, 5e-324, Infinity, -Infinity], '0:-1.5:1e+21:5e-324:+inf:-inf'],
  [[42n, -42n, 10n ** 20n], '42n:-42n:100000000000000000000n'],
  [[true, false], '!true:!false'],
  [[Uint8Array.of(), Uint8Array.of(0, 255)], '~:~00ff'],
  [[new Date('2024-02-29T12:34:56.789Z'), new Date(8.64e15)], '@2024-02-29T123456.789Z:@+275760-09-13T000000.000Z'],
  [[Uuid.parse('01890A5D-ac96-774b-bcce-b302099a8057')], '$01890a5d-ac96-774b-bcce-b302099a8057'],
]

describe('the readable form of a key', () => {
  it.each(GOLDEN)('of %o is %s', (key, stored) => {
    expect(renderKey(key)).toBe(stored)
    expect(parseKey(stored)).toStrictEqual(key)
  })

  it('round-trips, through UTF-8 as well', () => {
    fc.assert(
      fc.property(tuple, (key) => {
        const rendered = renderKey(key)
        expect(rendered.isWellFormed()).toBe(true)
        expect(parseKey(new TextDecoder().decode(new TextEncoder().encode(rendered)))).toStrictEqual(key)
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same for two tuples exactly when they are the same key', () => {
    fc.assert(
      fc.property(fc.oneof(closeTuple, tuple), closeTuple, (a, b) => {
        expect(renderKey(a) === renderKey(b)).toBe(compareTuples(a, b) === 0)
      }),
      { numRuns: 2000 },
    )
  })

  it('of a bare part is that of its one-tuple; of a bare word, the word itself', () => {
    fc.assert(
      fc.property(tuple, ([first]) => {
        expect(renderKeyOf(first!)).toBe(renderKey([first!]))
      }),
    )
    expect(renderKeyOf(['user', 42])).toBe('user:42')
    expect(renderKeyOf('session_1')).toBe('session_1')
  })

  it('has no control, blank or separating characters but single spaces inside quotes', () => {
    fc.assert(
      fc.property(text, (part) => {
        expect(renderKey([part])).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u00a0\u200b:]/u)
      }),
    )
  })

  it('takes -0 for 0', () => {
    expect(renderKey([-0])).toBe('0')
  })

  it.each([
    [NaN],
    [new Date(NaN)],
    ['a\ud800'],
    [null],
    [undefined],
    [Symbol('s')],
    [() => 1],
    [{ a: 1 }],
    [new Float64Array(1)],
  ])('refuses %o with what is allowed', (part: unknown) => {
    expect(() => renderKeyOf(part as Key)).toThrow(TypeError)
    expect(() => renderKey(['a', part as KeyPart])).toThrow('a well-formed string')
  })

  it('refuses empty and nested tuples', () => {
    expect(() => renderKeyOf([])).toThrow(TypeError)
    expect(() => renderKeyOf([['a']] as unknown as Key)).toThrow(TypeError)
  })

  it('refuses exactly the keys that are too long to be encoded', () => {
    expect(renderKeyOf('x'.repeat(MAX_KEY_BYTES - 2))).toHaveLength(MAX_KEY_BYTES - 2)
    expect(() => renderKeyOf('x'.repeat(MAX_KEY_BYTES - 1))).toThrow(RangeError)
    const digits = Array.from({ length: 455 }, () => 1)
    expect(renderKey(digits)).toHaveLength(909)
    expect(() => renderKey([...digits, 1])).toThrow(RangeError)
  })
})

describe('parsing', () => {
  it.each([
    '',
    ':',
    'a:',
    'two words',
    "'word",
    "'%41",
    "'%3A",
    "'%",
    "'a b%2",
    '01',
    '1.0',
    '1e5',
    '-0',
    '0x10',
    '+1',
    '01n',
    '-0n',
    '!yes',
    '!',
    '~0',
    '~0g',
    '~FF',
    '@',
    '@2024-02-30T000000.000Z',
    '@2024-02-29',
    '@2024-02-29T12:00:00.000Z',
    '$0189',
    '$01890A5D-AC96-774B-BCCE-B302099A8057',
    'a\ud800',
    'x'.repeat(MAX_KEY_BYTES),
  ])('refuses %o, which no key renders to', (text) => {
    expect(() => parseKey(text)).toThrow(CorruptError)
  })

  it('accepts only what rendering produces', () => {
    const noise = fc.string({
      unit: fc.constantFrom(...Array.from("ab0159:%'un!~@$+-.eE \u00e9\u200bT"), '!true', '%3a', '%u200b', '~00'),
    })
    fc.assert(
      fc.property(noise, (candidate) => {
        let key: KeyTuple
        try {
          key = parseKey(candidate)
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptError)
          return
        }
        expect(renderKey(key)).toBe(candidate)
      }),
      { numRuns: 5000 },
    )
  })
})
