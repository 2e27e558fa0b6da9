import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CorruptError } from '../../src/errors.ts'
import type { KeyPart } from '../../src/keys/key.ts'
import { renderKey } from '../../src/keys/readable-key.ts'
import { StoreKey } from '../../src/keys/store-key.ts'
import { encodeTuple } from '../../src/keys/tuple-encoding.ts'
import { tuple } from './arbitrary-keys.ts'

describe('a store key', () => {
  it('has the same parts, id and bytes from either form', () => {
    fc.assert(
      fc.property(tuple, (parts) => {
        const key = StoreKey.of(parts)
        expect(key.tuple).toStrictEqual(parts)
        expect(key.id).toBe(renderKey(parts))
        expect(key.bytes).toEqual(encodeTuple(parts))
        const again = StoreKey.fromBytes(key.bytes)
        expect(again.tuple).toStrictEqual(parts)
        expect(again.id).toBe(key.id)
        expect(again.bytes).toBe(key.bytes)
      }),
    )
  })

  it('of a bare part is that of the one-tuple', () => {
    expect(StoreKey.of('a').tuple).toEqual(['a'])
    expect(StoreKey.of('a').id).toBe(StoreKey.of(['a']).id)
  })

  it('encodes once', () => {
    const key = StoreKey.of(['user', 42])
    expect(key.bytes).toBe(key.bytes)
  })

  it('is not changed by what the caller does with the parts, nor by what a reader does with its tuple', () => {
    const bytes = Uint8Array.of(1)
    const date = new Date(1)
    const parts: KeyPart[] = ['a', bytes, date]
    const key = StoreKey.of(parts)
    const before = Uint8Array.from(encodeTuple(['a', Uint8Array.of(1), new Date(1)]))
    parts[0] = 'b'
    bytes[0] = 2
    date.setTime(2)
    expect(key.tuple).toEqual(['a', Uint8Array.of(1), new Date(1)])
    ;(key.tuple[1] as Uint8Array)[0] = 3
    ;(key.tuple[2] as Date).setTime(3)
    expect(key.tuple).toEqual(['a', Uint8Array.of(1), new Date(1)])
    expect(key.bytes).toEqual(before)
    expect(Object.isFrozen(key.tuple)).toBe(true)
    expect(Object.isFrozen(StoreKey.fromBytes(before).tuple)).toBe(true)
  })

  it('refuses what cannot be a key at once', () => {
    expect(() => StoreKey.of([])).toThrow(TypeError)
    expect(() => StoreKey.of(NaN)).toThrow(TypeError)
    expect(() => StoreKey.of(['a', undefined as unknown as KeyPart])).toThrow(TypeError)
    expect(() => StoreKey.of('x'.repeat(5000))).toThrow(RangeError)
    expect(() => StoreKey.fromBytes(Uint8Array.of(0))).toThrow(CorruptError)
  })
})
