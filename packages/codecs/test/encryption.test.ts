import { createSecretKey, randomBytes } from 'node:crypto'
import { compressed, encrypted } from '@tidemark/codecs'
import {
  type BindingCodec,
  type Codec,
  CorruptError,
  createCborCodec,
  createJsonCodec,
  Payload,
  type Place,
  StoreKey,
} from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { Nonces } from '../src/encryption/nonces.ts'
import { Xaes256Gcm } from '../src/encryption/xaes-256-gcm.ts'
import { encrypting, KEY_1, KEY_2 } from './support/keys.ts'

const codec = encrypting()
const KEY = StoreKey.of(['user', 1])
const HEADER = 47
const TAG = 16

function stored(value: unknown, place: Partial<Place> = {}, by: Codec = codec): Uint8Array {
  const { key = KEY, version = 7, part = 'value' } = place
  return Payload.encode(by, value).boundTo(by, key, version, part).bytes
}

function read(bytes: Uint8Array, place: Partial<Place> = {}, by: Codec = codec): unknown {
  const { key = KEY, version = 7, part = 'value' } = place
  return Payload.fromBytes(by, bytes).at(key, version, part).decode()
}

function codeOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptError)
    return (error as CorruptError).code
  }
  return 'none'
}

describe('XAES-256-GCM', () => {
  const text = new TextEncoder()
  // https://c2sp.org/XAES-256-GCM: one for each value of the first bit of the block that the subkeys come from.
  it.each([
    [1, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
    [3, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
  ])('is what its specification gives as vectors (key of %i)', (byte, aad, expected) => {
    const cipher = new Xaes256Gcm(new Uint8Array(32).fill(byte))
    const nonce = text.encode('ABCDEFGHIJKLMNOPQRSTUVWX')
    const plain = text.encode('XAES-256-GCM')
    const out = new Uint8Array(plain.length + TAG)
    cipher.seal(nonce, plain, text.encode(aad), out, 0)
    expect(Buffer.from(out).toString('hex')).toBe(expected)
    expect(cipher.open(nonce, out, text.encode(aad))).toEqual(plain)
    expect(cipher.open(nonce, out, text.encode('other'))).toBeUndefined()
  })

  it('never draws a nonce twice, beyond the end of what is drawn at a time', () => {
    const nonces = new Nonces()
    const drawn = new Set(Array.from({ length: 1_000 }, () => Buffer.from(nonces.next()).toString('hex')))
    expect(drawn.size).toBe(1_000)
  })
})

// Stored in databases and fronts: header and nonce, ciphertext and tag of what `stored({ a: 1 })` once gave. Never change them.
const GOLDEN_HEADER = '032001000000000173067d9a00000000000007000000066e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e'
const GOLDEN_BODY = '3d186d10acd6cf76be1c613272430982e43869c738d0'

describe('an encrypted value', () => {
  it('is header, nonce, ciphertext and tag, as documented', () => {
    const bytes = stored({ a: 1 })
    expect(Buffer.from(bytes.subarray(0, 23)).toString('hex')).toBe(GOLDEN_HEADER.slice(0, 46))
    expect(bytes.length).toBe(HEADER + 2 + 4 + TAG)
    const sealed = Buffer.from(GOLDEN_HEADER + GOLDEN_BODY, 'hex')
    expect(read(new Uint8Array(sealed))).toEqual({ a: 1 })
  })

  it('is another one each time, and the same for the log as for the entry', () => {
    expect(stored({ a: 1 })).not.toEqual(stored({ a: 1 }))
    const payload = Payload.encode(codec, { a: 1 }).boundTo(codec, KEY, 7)
    expect(payload.bytes).toBe(payload.bytes)
  })

  it('comes back equal at its place, values and versions of any size', () => {
    const anyVersion = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.maxSafeInteger().map(Math.abs))
    const anyKey = fc
      .array(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 3 })
      .map((key) => StoreKey.of(key))
    fc.assert(
      fc.property(
        fc.jsonValue(),
        anyKey,
        anyVersion,
        fc.constantFrom('value', 'meta', 'mark'),
        (value, key, version, part) => {
          const place = { key, version, part } as const
          const json = encrypting(createJsonCodec())
          expect(read(stored(value, place, json), place, json)).toEqual(value)
        },
      ),
    )
  })

  it('is nothing that a place-less reader can do anything with', () => {
    expect(codeOf(() => Payload.fromBytes(codec, stored(1)).decode())).toBe('CORRUPT')
    expect(() => Payload.encode(codec, 1).bytes).toThrow(TypeError)
  })

  it('is found by any flipped bit, cut, or addition', () => {
    const bytes = stored({ a: 'some text' })
    for (let i = 0; i < bytes.length * 8; i++) {
      const copy = bytes.slice()
      copy[i >> 3]! ^= 1 << (i & 7)
      expect(codeOf(() => read(copy))).not.toBe('none')
    }
    for (let length = 2; length < bytes.length; length++)
      expect(codeOf(() => read(bytes.slice(0, length)))).toBe('TRUNCATED')
    expect(codeOf(() => read(Uint8Array.of(...bytes, 0)))).toBe('TAMPERED')
  })

  it('noise behind a sound header is refused, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat({ max: 60 }), (noise, at) => {
        const bytes = Uint8Array.of(...stored('x').slice(0, at), ...noise)
        expect(codeOf(() => read(bytes))).not.toBe('none')
      }),
      { numRuns: 500 },
    )
  })

  it.each<[string, string, () => unknown]>([
    [
      'bytes of the ciphertext were changed',
      'TAMPERED',
      () =>
        read(
          stored('x')
            .with(HEADER, 0)
            .with(HEADER + 1, 0),
        ),
    ],
    ['the nonce was changed', 'TAMPERED', () => read(changed(stored('x'), 30))],
    ['the tag was changed', 'TAMPERED', () => read(changed(stored('x'), -1))],
    [
      'it was moved to another key, with the version',
      'TAMPERED',
      () => read(stored('x'), { key: StoreKey.of(['user', 2]) }),
    ],
    [
      'it was moved to another key, of another version',
      'MISPLACED',
      () => read(stored('x'), { key: StoreKey.of('a'), version: 8 }),
    ],
    ['it is an older version of the same key', 'MISPLACED', () => read(stored('x'), { version: 8 })],
    ['its version was changed to that of its place', 'TAMPERED', () => read(stored('x').with(18, 8), { version: 8 })],
    ['it is the value in the place of the meta', 'MISPLACED', () => read(stored('x'), { part: 'meta' })],
    ['it is the meta in the place of the value', 'MISPLACED', () => read(stored('x', { part: 'meta' }))],
    ['it was relabelled as the value', 'TAMPERED', () => read(stored('x', { part: 'meta' }).with(3, 0))],
    [
      'its key is not among the keys',
      'KEY_MISSING',
      () => read(stored('x', {}, encrypting(undefined, { keys: [KEY_2], current: 2 }))),
    ],
    [
      'its key has the id of another one',
      'KEY_WRONG',
      () => read(stored('x', {}, encrypting(undefined, { keys: [{ ...KEY_2, id: 1 }] }))),
    ],
    ['it is of another context', 'TAMPERED', () => read(stored('x', {}, encrypting(undefined, { context: 'other' })))],
    ['it is not encrypted', 'NOT_ENCRYPTED', () => read(Payload.encode(createCborCodec(), 'x').bytes)],
    [
      'it is not encrypted, and compressed',
      'NOT_ENCRYPTED',
      () => read(Payload.encode(compressed(createCborCodec()), 'x').bytes),
    ],
    ['it is cut off in the header', 'TRUNCATED', () => read(stored('x').slice(0, 20))],
    ['it is cut off in the ciphertext', 'TRUNCATED', () => read(stored('x').slice(0, -3))],
    ['it is encrypted in a way from the future', 'CORRUPT', () => read(stored('x').with(2, 9))],
    ['there is nothing at all', 'NOT_ENCRYPTED', () => read(new Uint8Array(0))],
  ])('%s: %s', (_name, code, attempt) => {
    expect(codeOf(attempt)).toBe(code)
  })
})

function changed(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, bytes.at(at)! ^ 1)
}

describe('notes beside a value', () => {
  it('are encrypted with it, and are no way around the refusal of what is not encrypted', () => {
    const notes = new TextEncoder().encode('tag: secret')
    const payload = Payload.encodeWithNotes(codec, notes, { by: 'me' }).boundTo(codec, KEY, 7, 'meta')
    expect(Buffer.from(payload.bytes).includes('secret')).toBe(false)
    const back = Payload.fromBytes(codec, payload.bytes).at(KEY, 7, 'meta')
    expect(back.notes).toEqual(notes)
    expect(back.decode()).toEqual({ by: 'me' })
    const forged = Payload.encodeWithNotes(createCborCodec(), notes, undefined).bytes
    expect(codeOf(() => Payload.fromBytes(codec, forged).at(KEY, 7, 'meta').notes)).toBe('NOT_ENCRYPTED')
  })

  it('can be changed without the value, which is bound anew then', () => {
    const notes = Uint8Array.of(1, 2)
    const stored = Payload.encode(codec, 'm').boundTo(codec, KEY, 7, 'meta').bytes
    const noted = Payload.fromBytes(codec, stored).at(KEY, 7, 'meta').withNotes(notes)!
    const back = Payload.fromBytes(codec, noted.boundTo(codec, KEY, 8, 'meta').bytes).at(KEY, 8, 'meta')
    expect([back.notes, back.decode()]).toEqual([notes, 'm'])
  })
})

describe('keys', () => {
  it('that came before still read; the current one writes', () => {
    const before = stored('x')
    const both = encrypting(undefined, { keys: [KEY_1, KEY_2], current: 2 })
    expect(read(before, {}, both)).toBe('x')
    expect(codeOf(() => read(stored('x', {}, both)))).toBe('KEY_MISSING')
  })

  it('are bytes or KeyObjects, and are not followed when they change afterwards', () => {
    const bytes = randomBytes(32)
    const one = encrypting(undefined, { keys: [{ id: 1, key: bytes }] })
    const other = encrypting(undefined, { keys: [{ id: 1, key: createSecretKey(bytes) }] })
    const value = stored('x', {}, one)
    bytes.fill(0)
    expect(read(value, {}, other)).toBe('x')
    expect(read(value, {}, one)).toBe('x')
  })

  it('are checked when the codec is made, and are in no message', () => {
    const secret = new Uint8Array(31).fill(0x41)
    const make = (options: object): unknown => encrypted(createCborCodec(), options as never)
    for (const [options, message] of [
      [{ keys: [], current: 1 }, /at least one key/],
      [{ keys: [{ id: 1, key: secret }], current: 1 }, /must have 32 bytes, not 31/],
      [{ keys: [{ id: 1, key: 'A'.repeat(32) }], current: 1 }, /must be a Uint8Array or a secret KeyObject/],
      [{ keys: [{ id: -1, key: KEY_1.key }], current: 1 }, /keys\[0\]\.id/],
      [{ keys: [KEY_1, { ...KEY_2, id: 1 }], current: 1 }, /two of the keys have the id 1/],
      [{ keys: [KEY_1], current: 2 }, /current must be the id of one of the keys, not 2/],
      [{ keys: [KEY_1], current: 1, key: 1 }, /unknown option key/],
      [{ keys: [KEY_1], current: 1, context: 1 }, /context/],
      [{ keys: [KEY_1], current: 1, readsUnencrypted: 1 }, /readsUnencrypted/],
    ] as const) {
      expect(() => make(options)).toThrow(message)
      expect(() => make(options)).not.toThrow(/AAAA|65,65/)
    }
    expect(() => encrypting(encrypting())).toThrow(/encrypts already/)
  })
})

test('what is not encrypted is read, where a store is moved to encryption, and is encrypted when it is written', () => {
  const plain = Payload.encode(createCborCodec(), { a: 1 }).bytes
  const moving = encrypting(undefined, { readsUnencrypted: true })
  const payload = Payload.fromBytes(moving, plain).at(KEY, 7)
  expect(payload.decode()).toEqual({ a: 1 })
  expect(payload.bytes).toEqual(plain)
  const copied = payload.boundTo(moving, KEY, 8)
  expect(read(copied.bytes, { version: 8 }, moving)).toEqual({ a: 1 })
  expect(Buffer.from(copied.bytes).subarray(0, 2)).toEqual(Buffer.of(3, 32))
})

test('a payload that is bound again keeps its value: each attempt of a commit has another version', () => {
  const payload = Payload.encode(codec, { a: 1 })
  const first = payload.boundTo(codec, KEY, 7)
  const second = payload.boundTo(codec, KEY, 8)
  expect(read(first.bytes)).toEqual({ a: 1 })
  expect(read(second.bytes, { version: 8 })).toEqual({ a: 1 })
  expect(read(first.boundTo(codec, StoreKey.of('copy'), 1).bytes, { key: StoreKey.of('copy'), version: 1 })).toEqual({
    a: 1,
  })
  expect(payload.decode()).toEqual({ a: 1 })
})

test('a payload that is kept lets go of what it was encrypted from, and still reads', () => {
  const payload = Payload.encode(codec, { a: 1 }).boundTo(codec, KEY, 7)
  payload.detach()
  expect(payload.read()).toEqual({ a: 1 })
  void payload.bytes
  payload.detach()
  expect(payload.decode()).toEqual({ a: 1 })
})

test('the codec alone encrypts, too, for no place', () => {
  const binding = codec as BindingCodec
  const bytes = codec.encode({ a: 1 })
  expect(codec.decode(bytes)).toEqual({ a: 1 })
  expect(codeOf(() => binding.unbind(bytes, { key: KEY, version: 0, part: 'value' }))).toBe('MISPLACED')
  expect(codeOf(() => codec.decode(stored('x')))).toBe('MISPLACED')
})
