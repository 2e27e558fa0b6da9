import { describe, expect, test } from 'vitest'
import { type Codec, CorruptError, createCborCodec, createJsonCodec, Payload } from '../../src/index.ts'

class Money {
  cents = 5
}

const withClass = (decode = (data: unknown) => Object.assign(new Money(), data)): Codec =>
  createCborCodec({ classes: [{ type: Money, name: 'Money', decode }] })

function errorOf(codec: Codec, bytes: Uint8Array): unknown {
  try {
    return Payload.fromBytes(codec, bytes).decode()
  } catch (error) {
    return error
  }
}

describe('an error of what cannot be decoded tells whether it may be whole', () => {
  const plain = createCborCodec()
  const of = (value: unknown, codec: Codec = plain): Uint8Array => Payload.encode(codec, value).bytes
  const failing = withClass(() => {
    throw new Error('it wants more by now')
  })
  test.each<[string, boolean, Codec, Uint8Array]>([
    ['its codec is not configured', true, plain, of(1, createJsonCodec())],
    ['its class is not registered', true, plain, of(new Money(), withClass())],
    ['its class cannot be made any more', true, failing, of(new Money(), withClass())],
    ['a later release has written the envelope', true, plain, Uint8Array.of(9, 1, 1)],
    ['a later release has written the value', true, plain, Uint8Array.of(1, 1, 0xd8, 200, 1)],
    ['it is bound to its place', true, plain, Uint8Array.of(3, 9, 1)],
    ['it was never written', false, plain, new Uint8Array(40)],
    ['it is truncated', false, plain, of('a longer text').slice(0, -2)],
    ['it is not even begun', false, plain, Uint8Array.of(1)],
    ['something follows it', false, plain, Uint8Array.of(...of(1), 1)],
  ])('%s: %s', (_what, mayBeWhole, codec, bytes) => {
    expect(errorOf(codec, bytes)).toMatchObject({ name: 'CorruptError', mayBeWhole })
  })

  test('also one that has it as its cause, unless it says otherwise', () => {
    const cause = errorOf(plain, of(1, createJsonCodec()))
    expect(new CorruptError('wrapped', { cause }).mayBeWhole).toBe(true)
    expect(new CorruptError('wrapped', { cause, mayBeWhole: false }).mayBeWhole).toBe(false)
    expect([
      new CorruptError('x').mayBeWhole,
      new CorruptError('x', { code: 'TRUNCATED' }).mayBeWhole,
      new CorruptError('x', { code: 'KEY_MISSING' }).mayBeWhole,
      new CorruptError('x', { code: 'TAMPERED' }).mayBeWhole,
    ]).toEqual([false, false, true, true])
  })

  test('a bundle tells by its checksum, whatever can be decoded', () => {
    const bundle = Payload.bundle(withClass(), new Money(), [])
    const here = Payload.fromBytes(plain, bundle.bytes)
    expect(() => here.decode()).toThrow(CorruptError)
    expect([bundle.isIntact, here.isIntact, Payload.encode(plain, 1).isIntact]).toEqual([true, true, false])
    for (let i = 0; i < bundle.bytes.length; i++) {
      const bytes = Uint8Array.from(bundle.bytes)
      bytes[i]! ^= 1
      expect(Payload.fromBytes(withClass(), bytes).isIntact).toBe(false)
    }
  })
})
