import { describe, expect, it } from 'vitest'
import { createCborCodec } from '../../src/codec/cbor.ts'
import type { Codec } from '../../src/codec/codec.ts'
import { sealValue } from '../../src/codec/envelope.ts'
import { Payload } from '../../src/codec/payload.ts'
import { CorruptError, TidemarkError } from '../../src/errors.ts'

const cbor = createCborCodec()

describe('a payload', () => {
  it('is the sealed bytes', () => {
    const payload = Payload.encode(cbor, { a: 1 })
    expect(payload.bytes).toEqual(sealValue(cbor, { a: 1 }))
    expect(payload.byteLength).toBe(payload.bytes.length)
    expect(Payload.fromBytes(cbor, payload.bytes).bytes).toBe(payload.bytes)
  })

  it('does not follow the value that it was made from', () => {
    const value = { list: [1] }
    const payload = Payload.encode(cbor, value)
    value.list.push(2)
    expect(payload.read()).toEqual({ list: [1] })
  })

  it('shares one frozen value between readers, decoded once', () => {
    let decoded = 0
    const counting: Codec = {
      id: 1,
      encode: (value) => cbor.encode(value),
      decode: (bytes) => (decoded++, cbor.decode(bytes)),
    }
    const payload = Payload.encode(counting, { list: [{ a: 1 }] })
    const first = payload.read() as { list: object[] }
    expect(payload.read()).toBe(first)
    expect(decoded).toBe(1)
    expect(Object.isFrozen(first) && Object.isFrozen(first.list) && Object.isFrozen(first.list[0])).toBe(true)
  })

  it.each([undefined, null, 0, '', false, 'text', 1n])('reads %o as itself', (value) => {
    const payload = Payload.encode(cbor, value)
    expect(payload.read()).toBe(value)
    expect(payload.read()).toBe(value)
  })

  it('gives each reader a copy of what cannot be frozen', () => {
    const payload = Payload.encode(cbor, { at: new Date(1), tags: new Set(['a']), list: [1] })
    const first = payload.read() as { at: Date; tags: Set<string>; list: number[] }
    first.at.setTime(2)
    first.tags.add('b')
    first.list.push(2)
    expect(payload.read()).toEqual({ at: new Date(1), tags: new Set(['a']), list: [1] })
    expect(payload.read()).not.toBe(payload.read())
  })

  it('decodes a fresh, mutable copy each time', () => {
    const payload = Payload.encode(cbor, { list: [1] })
    payload.read()
    const copy = payload.decode() as { list: number[] }
    copy.list.push(2)
    expect(payload.decode()).toEqual({ list: [1] })
    expect(payload.read()).toEqual({ list: [1] })
  })

  it('fails when it is read, not before, and each time', () => {
    const payload = Payload.fromBytes(cbor, Uint8Array.of(9, 9))
    for (const read of [() => payload.read(), () => payload.read(), () => payload.decode()])
      expect(read).toThrow(CorruptError)
    expect(() => Payload.encode(cbor, () => 1)).toThrow(TidemarkError)
  })

  it('may begin anywhere in what holds it', () => {
    const sealed = Payload.encode(cbor, { a: 1 }).bytes
    const holder = new Uint8Array(10 + sealed.length)
    holder.set(sealed, 10)
    const payload = Payload.fromBytes(cbor, holder, 10)
    expect(payload.byteLength).toBe(sealed.length)
    expect(payload.decode()).toEqual({ a: 1 })
    expect(payload.bytes).toEqual(sealed)
    expect(payload.read()).toEqual({ a: 1 })
    expect(() => Payload.fromBytes(cbor, holder, holder.length).decode()).toThrow(CorruptError)
    const large = Payload.fromBytes(cbor, Uint8Array.of(...new Uint8Array(5_000), ...sealed), 5_000)
    large.detach()
    expect([large.bytes.buffer.byteLength, large.read()]).toEqual([sealed.length, { a: 1 }])
  })

  it('that is kept holds on to its own bytes only', () => {
    const sealed = Payload.encode(cbor, { a: 1 }).bytes
    const reply = new Uint8Array(100_000)
    reply.set(sealed, 50_000)
    const payload = Payload.fromBytes(cbor, reply.subarray(50_000, 50_000 + sealed.length))
    payload.detach()
    expect(payload.bytes.buffer.byteLength).toBe(sealed.length)
    expect(payload.bytes).toEqual(sealed)
    expect(payload.read()).toEqual({ a: 1 })
  })
})
