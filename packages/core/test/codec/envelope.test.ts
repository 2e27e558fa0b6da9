import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import type { Codec, EnvelopeCodec } from '../../src/codec/codec.ts'
import { openValue, sealValue, sealWithNotes } from '../../src/codec/envelope.ts'
import { CorruptError, TidemarkError } from '../../src/errors.ts'

const cbor = createCborCodec()

/** What an application brings along: nothing but the contract. */
const json: Codec = {
  id: 200,
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
}

describe('an envelope', () => {
  it('is version, codec and payload', () => {
    expect(Array.from(sealValue(cbor, { a: 1 }))).toEqual([1, 1, ...cbor.encode({ a: 1 })])
    expect(Array.from(sealValue(json, 'x'))).toEqual([1, 200, 0x22, 0x78, 0x22])
  })

  it('gives back what was sealed, whichever of the codecs wrote it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const codec of [cbor, json]) expect(openValue([cbor, json], sealValue(codec, value))).toEqual(value)
        expect(openValue(cbor, Buffer.from(sealValue(cbor, value)))).toEqual(value)
      }),
    )
  })

  it('hands out bytes that nothing else refers to', () => {
    const sealed = sealValue(cbor, { a: 1 })
    expect(sealed.buffer.byteLength).toBe(sealed.byteLength)
    const before = Array.from(sealed)
    sealValue(cbor, { b: 2 })
    expect(Array.from(sealed)).toEqual(before)
  })

  it.each([-1, 256, 1.5, NaN])('has no room for a codec with id %d', (id) => {
    expect(() => sealValue({ ...json, id }, 1)).toThrow(RangeError)
  })

  it('has no place for a value that is encoded to no bytes', () => {
    const silent: Codec = { ...json, encode: () => new Uint8Array(0) }
    expect(() => sealValue(silent, '')).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
    expect(() => sealWithNotes(silent, Uint8Array.of(1), '')).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
    expect(openValue(silent, sealWithNotes(silent, Uint8Array.of(1), undefined))).toBeUndefined()
  })

  it('reports a failure of any codec as one of ours', () => {
    expect(() => sealValue(json, 1n)).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
    expect(() => sealValue(cbor, () => 1)).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }))
  })

  it.each<readonly [string, unknown, boolean]>([
    ['an error of its own', new Error('mine'), false],
    ['no error at all', 'mine', false],
    ['an error of a store that it asks', new TidemarkError('TIMEOUT', 'too late'), true],
  ])('whose codec throws %s is corrupt', (_name, cause, mayBeWhole) => {
    const fail = (): never => {
      throw cause
    }
    const plain: Codec = { ...json, decode: fail }
    const around: EnvelopeCodec = { ...plain, encodeAfter: fail, decodeAfter: fail }
    for (const codec of [plain, around]) {
      const opened = catching(() => openValue(codec, Uint8Array.of(1, 200, 0x7b)))
      expect(opened).toBeInstanceOf(CorruptError)
      expect(opened).toMatchObject({ code: 'CORRUPT', mayBeWhole, cause })
    }
  })

  it.each([
    ['nothing', []],
    ['a version alone', [1]],
    ['no payload', [1, 1]],
    ['a version of the future', [3, 1, 0xf6]],
    ['notes that are cut off', [2, 1, 0, 9, 0xf6]],
    ['version 0', [0, 1, 0xf6]],
    ['an unknown codec', [1, 7, 0xf6]],
    ['a damaged payload', [1, 1, 0xff]],
    ['trailing bytes', [1, 1, 0xf6, 0]],
    ['a payload that its codec rejects in its own way', [1, 200, 0x7b]],
  ])('with %s is corrupt', (_name, bytes) => {
    expect(() => openValue([cbor, json], Uint8Array.from(bytes))).toThrow(CorruptError)
  })
})

function catching(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
