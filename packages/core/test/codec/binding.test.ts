import { describe, expect, it, test } from 'vitest'
import { alsoReading } from '../../src/codec/also-reading.ts'
import { createCborCodec } from '../../src/codec/cbor.ts'
import type { BindingCodec, Codec, JudgingCodec, Place } from '../../src/codec/codec.ts'
import { areInterchangeable } from '../../src/codec/codec-lookup.ts'
import { BOUND } from '../../src/codec/envelope.ts'
import { createJsonCodec } from '../../src/codec/json.ts'
import { Payload } from '../../src/codec/payload.ts'
import { CorruptError } from '../../src/errors.ts'
import { StoreKey } from '../../src/keys/store-key.ts'
import { createMemoryBack } from '../../src/memory/memory-back.ts'
import { createNearMemory } from '../../src/memory/near-memory.ts'
import { Store } from '../../src/store/store.ts'

const utf8 = new TextEncoder()
const cbor = createCborCodec()
const KEY = StoreKey.of('k')

/** Says in front of an envelope where it belongs, and counts how often. Encrypts nothing. */
class Stamping implements BindingCodec, JudgingCodec {
  readonly id = 99
  readonly inner = cbor
  readonly alsoReads = [cbor, createJsonCodec()]
  readonly readsUnbound: boolean
  readonly edition: number
  bound = 0

  constructor(readsUnbound = false, edition = 1) {
    this.readsUnbound = readsUnbound
    this.edition = edition
  }

  encode(): never {
    throw new Error('nobody asks for that')
  }

  decode(): never {
    throw new Error('nobody asks for that')
  }

  bind(envelope: Uint8Array, place: Place): Uint8Array {
    this.bound++
    const stamp = utf8.encode(stampOf(place))
    return Uint8Array.of(BOUND, this.id, this.edition, stamp.length, ...stamp, ...envelope)
  }

  unbind(bound: Uint8Array, place: Place): Uint8Array {
    const end = 4 + bound[3]!
    const stamp = new TextDecoder().decode(bound.subarray(4, end))
    if (stamp !== stampOf(place)) throw new CorruptError(`it belongs to ${stamp}`, { code: 'MISPLACED' })
    return bound.subarray(end)
  }

  isCurrent(bound: Uint8Array): boolean {
    return bound[2] === this.edition
  }
}

function stampOf({ key, version, part }: Place): string {
  return `${key.id}@${version}/${part}`
}

const codec = new Stamping()
const stored = (value: unknown, version = 7): Uint8Array =>
  Payload.encode(codec, value).boundTo(codec, KEY, version).bytes

describe('a payload of a codec that binds', () => {
  it('is bound by the commit, once, and reads before and after', () => {
    const counting = new Stamping()
    const payload = Payload.encode(counting, { a: 1 })
    expect(payload.read()).toEqual({ a: 1 })
    expect(() => payload.bytes).toThrow(TypeError)
    const bound = payload.boundTo(counting, KEY, 7)
    expect(counting.bound).toBe(0)
    expect(bound.bytes).toBe(bound.bytes)
    expect(counting.bound).toBe(1)
    expect(bound.read()).toEqual({ a: 1 })
    bound.detach()
    expect(bound.decode()).toEqual({ a: 1 })
  })

  it('can be bound again: each attempt of a commit has another version', () => {
    const payload = Payload.encode(codec, { a: 1 })
    for (const version of [7, 8]) {
      const { bytes } = payload.boundTo(codec, KEY, version)
      expect(Payload.fromBytes(codec, bytes).at(KEY, version).decode()).toEqual({ a: 1 })
    }
  })

  it('is read where it stands, and nowhere else', () => {
    const bytes = stored({ a: 1 })
    expect(Payload.fromBytes(codec, bytes).at(KEY, 7).read()).toEqual({ a: 1 })
    for (const payload of [
      Payload.fromBytes(codec, bytes).at(KEY, 8),
      Payload.fromBytes(codec, bytes).at(StoreKey.of('other'), 7),
      Payload.fromBytes(codec, bytes).at(KEY, 7, 'meta'),
    ])
      expect(() => payload.read()).toThrow(expect.objectContaining({ code: 'MISPLACED' }))
    expect(() => Payload.fromBytes(codec, bytes).read()).toThrow(CorruptError)
    expect(() => Payload.fromBytes(cbor, bytes).at(KEY, 7).read()).toThrow(/by codec 99, which is not configured/)
  })

  it('may begin anywhere in what holds it', () => {
    const holder = Uint8Array.of(1, 2, 3, ...stored('x'))
    expect(Payload.fromBytes(codec, holder, 3).at(KEY, 7).read()).toBe('x')
  })

  it('refuses what is not bound, notes included, unless it is to be read', () => {
    const plain = Payload.encodeWithNotes(cbor, Uint8Array.of(1), 'x').bytes
    const strict = Payload.fromBytes(codec, plain).at(KEY, 7)
    expect(() => strict.read()).toThrow(expect.objectContaining({ code: 'NOT_ENCRYPTED' }))
    expect(() => strict.notes).toThrow(expect.objectContaining({ code: 'NOT_ENCRYPTED' }))
    const moving = Payload.fromBytes(new Stamping(true), plain).at(KEY, 7)
    expect([moving.read(), moving.notes]).toEqual(['x', Uint8Array.of(1)])
    expect(moving.bytes).toEqual(plain)
  })

  it('is stored within another value as its envelope', () => {
    const { envelope } = Payload.fromBytes(codec, stored({ a: 1 })).at(KEY, 7)
    expect(envelope).toEqual(Payload.encode(cbor, { a: 1 }).bytes)
    const back = Payload.fromEnvelope(codec, envelope)
    expect(back.boundTo(codec, KEY, 9).bytes).toEqual(stored({ a: 1 }, 9))
    expect(Payload.fromEnvelope(cbor, envelope).bytes).toBe(envelope)
  })

  it('is the same as another one with that value, wherever it stands', () => {
    const [at7, at8] = [7, 8].map((version) => Payload.fromBytes(codec, stored('x', version)).at(KEY, version))
    expect(at7!.isSameAs(at8!)).toBe(true)
    expect(at7!.isSameAs(Payload.encode(cbor, 'x'))).toBe(true)
    expect(at7!.isSameAs(Payload.encode(codec, 'y'))).toBe(false)
  })
})

test('a tier binds what others have encoded, and unbinds what its codec does not bind', () => {
  const plain = Payload.encode(cbor, 'x')
  expect(
    Payload.fromBytes(codec, plain.boundTo(codec, KEY, 7).bytes)
      .at(KEY, 7)
      .read(),
  ).toBe('x')
  expect(plain.boundTo(cbor, KEY, 7)).toBe(plain)
  const bound = Payload.encode(codec, 'x').boundTo(codec, KEY, 7)
  expect(bound.boundTo(cbor, KEY, 8).bytes).toEqual(plain.bytes)
})

test('what is written in another way today is renewed, notes included, and nothing else', () => {
  const place = { key: KEY, version: 7, part: 'meta' } as const
  const notes = Uint8Array.of(1, 2)
  const first = Payload.encodeWithNotes(codec, notes, 'x').boundTo(codec, KEY, 7, 'meta')
  const of = (by: Stamping, bytes: Uint8Array): Payload => Payload.fromBytes(by, bytes).at(KEY, 7, 'meta')
  expect(of(codec, first.bytes).renewedBy(codec, place)).toBeUndefined()
  const second = new Stamping(false, 2)
  const renewed = of(second, first.bytes).renewedBy(second, place)!
  expect(renewed.bytes[2]).toBe(2)
  expect([of(second, renewed.bytes).notes, of(second, renewed.bytes).read()]).toEqual([notes, 'x'])
  const json = Payload.encode(createJsonCodec(), 'x').boundTo(codec, KEY, 7, 'meta')
  expect(of(codec, json.bytes).renewedBy(codec, place)!.envelope).toEqual(Payload.encode(cbor, 'x').bytes)
  expect(Payload.encode(cbor, 'x').renewedBy(cbor, place)).toBeUndefined()
  expect(Payload.encode(cbor, 'x').renewedBy(createJsonCodec(), place)!.bytes).toEqual(
    Payload.encode(createJsonCodec(), 'x').bytes,
  )
})

test('a codec that also reads others finds them, and theirs', () => {
  const both = alsoReading(createJsonCodec(), alsoReading(cbor, codec))
  expect(Payload.encode(both, { a: 1 }).bytes).toEqual(Payload.encode(createJsonCodec(), { a: 1 }).bytes)
  expect(Payload.fromBytes(both, Payload.encode(cbor, 'x').bytes).at(KEY, 7).read()).toBe('x')
  expect(Payload.fromBytes(both, stored('x')).at(KEY, 7).read()).toBe('x')
  expect(() => alsoReading(codec, cbor)).toThrow(TypeError)
  for (const none of [undefined, {}, { encode: () => 1 }, 'cbor']) {
    expect(() => alsoReading(cbor, none as never)).toThrow(/methods encode, decode/)
    expect(() => alsoReading(none as never)).toThrow(/methods encode, decode/)
  }
  const own = { id: 200, encode: () => Uint8Array.of(1), decode: () => 'own' }
  expect(Payload.fromBytes(alsoReading(cbor, own), Uint8Array.of(1, 200, 9)).read()).toBe('own')
  expect(Payload.encode(alsoReading(own, cbor), 0).read()).toBe('own')
})

test('ids below 64 are kept for codecs of Tidemark', () => {
  const of = (id: unknown): Codec => ({ id, encode: () => Uint8Array.of(1), decode: () => 'own' }) as Codec
  for (const id of [0, 3, 63, 256, 1.5, '64', undefined]) {
    expect(() => createMemoryBack({ codec: of(id) })).toThrow(RangeError)
    expect(() => alsoReading(cbor, of(id))).toThrow(/an integer from 64 to 255/)
  }
  for (const id of [1, 32, 64, 255]) expect(createMemoryBack({ codec: of(id) }).codec.id).toBe(id)
})

test('codecs are interchangeable when each is known to read what the other writes', () => {
  expect(areInterchangeable(cbor, createCborCodec())).toBe(true)
  expect(areInterchangeable(cbor, createJsonCodec())).toBe(false)
  expect(areInterchangeable(codec, codec)).toBe(true)
  expect(areInterchangeable(codec, new Stamping())).toBe(false)
})

test('a store in memory, near memory and marks bind where values are stored', async () => {
  const back = createMemoryBack({ codec })
  const near = createNearMemory()
  await using store = new Store(back)
  await store.set('k', { a: 1 }, { meta: 'm' })
  const { changes } = await back.log.read({ after: 0, limit: 9 })
  await near.apply(changes, 'install')
  const { payload, meta } = near.peek(KEY.id)!.entry!
  expect(Payload.fromBytes(codec, payload.bytes).at(KEY, 1).read()).toEqual({ a: 1 })
  expect(Payload.fromBytes(codec, meta!.bytes).at(KEY, 1, 'meta').read()).toBe('m')
  await back.marks.write([{ key: KEY, value: Payload.encode(codec, 'mark') }])
  const [mark] = await back.marks.read([KEY])
  expect(Payload.fromBytes(codec, mark!.bytes).at(KEY, 0, 'mark').read()).toBe('mark')
})

test('what fails in its own way where it unbinds fails who reads that payload, with an error of ours', () => {
  const cause = new Error('mine')
  class Failing extends Stamping {
    override unbind(): never {
      throw cause
    }
  }
  for (const codecs of [new Failing(), alsoReading(cbor, new Failing(), new Failing())]) {
    const payload = Payload.fromBytes(codecs, stored(1)).at(KEY, 7)
    const reads = [() => payload.read(), () => payload.notes, () => payload.envelope]
    for (const read of reads)
      expect(read).toThrow(expect.objectContaining({ name: 'CorruptError', cause, mayBeWhole: true }))
  }
})
