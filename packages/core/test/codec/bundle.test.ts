import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { alsoReading } from '../../src/codec/also-reading.ts'
import { bundleOf, envelopesIn } from '../../src/codec/bundle.ts'
import { createCborCodec } from '../../src/codec/cbor.ts'
import { BOUND, openValue, sealValue, sealWithNotes } from '../../src/codec/envelope.ts'
import { createJsonCodec } from '../../src/codec/json.ts'
import { Payload } from '../../src/codec/payload.ts'
import { CorruptError } from '../../src/errors.ts'
import { StoreKey } from '../../src/keys/store-key.ts'

const cbor = createCborCodec()
const json = createJsonCodec()
const PLACE = { key: StoreKey.of('mark'), version: 0, part: 'mark' } as const

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

describe('a bundle', () => {
  // Stored in databases and journals: never change it.
  it('is checksum, and lengths and envelopes, its own first', () => {
    const { bytes } = Payload.bundle(cbor, 'own', [sealValue(cbor, 1), sealValue(json, 2)])
    expect(hex(bytes)).toBe(
      '04' + '6ba58a00' + '00000006' + '0101636f776e' + '00000003' + '010101' + '00000003' + '010232',
    )
  })

  it('gives back its value, and what it carries', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.uint8Array()), (value, carried) => {
        const { bytes } = Payload.bundle(json, value, carried)
        const back = Payload.fromBytes(json, bytes)
        expect(back.decode()).toEqual(value)
        expect(back.carried.map(hex)).toEqual(carried.map(hex))
      }),
    )
    expect(Payload.encode(cbor, 'no bundle').carried).toEqual([])
  })

  it('is found damaged by any flipped bit and any cut, and is never other data', () => {
    const bundle = bundleOf([sealValue(cbor, 'own'), sealValue(cbor, { a: 1 })])
    for (let bit = 8; bit < bundle.length * 8; bit++) {
      const copy = bundle.slice()
      copy[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => envelopesIn(copy)).toThrow(CorruptError)
      expect(() => openValue(cbor, copy)).toThrow(CorruptError)
    }
    for (let length = 0; length < bundle.length; length++)
      expect(() => envelopesIn(bundle.slice(0, length))).toThrow(CorruptError)
  })

  it('does not lie in place of its own value, nor deeper than anybody puts it', () => {
    let deep = bundleOf([sealValue(cbor, 0)])
    expect(() => openValue(cbor, bundleOf([deep]))).toThrow(/in place of its own value/)
    for (let i = 0; i < 20; i++) deep = bundleOf([sealValue(cbor, i), deep])
    expect(() => Payload.fromBytes(cbor, deep).renewedBy(cbor, PLACE)).toThrow(/nested too deeply/)
  })
})

test('what a bundle carries is renewed with it, with notes, and at any depth', () => {
  const notes = Uint8Array.of(7)
  const inner = bundleOf([sealValue(cbor, 'inner'), sealWithNotes(cbor, notes, { deep: 1 })])
  const old = Payload.bundle(cbor, 'outer', [sealValue(json, 'current'), inner])
  const anew = Payload.fromBytes(alsoReading(json, cbor), old.bytes).renewedBy(alsoReading(json, cbor), PLACE)!
  const only = Payload.fromBytes(json, anew.bytes)
  expect(only.decode()).toBe('outer')
  const [current, bundled] = only.carried
  expect(openValue(json, current!)).toBe('current')
  const within = Payload.fromBytes(json, bundled!)
  expect([within.decode(), openValue(json, within.carried[0]!)]).toEqual(['inner', { deep: 1 }])
  expect(Payload.fromBytes(json, within.carried[0]!).notes).toEqual(notes)
  expect(only.renewedBy(json, PLACE)).toBeUndefined()
})

test('a bundle that carries what cannot be read is not renewed', () => {
  const carries = (envelope: Uint8Array): Payload => Payload.bundle(cbor, 'outer', [envelope])
  for (const [envelope, why] of [
    [Uint8Array.of(BOUND, 2, 1), /encrypted for another place/],
    [Uint8Array.of(1, 200, 0), /codec 200/],
    [new Uint8Array(0), /truncated/],
  ] as const) {
    expect(() => carries(envelope).renewedBy(alsoReading(json, cbor), PLACE)).toThrow(CorruptError)
    expect(() => carries(envelope).renewedBy(alsoReading(json, cbor), PLACE)).toThrow(why)
  }
})
