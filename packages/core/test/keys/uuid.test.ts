import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Uuid } from '../../src/keys/uuid.ts'

describe('a UUID', () => {
  it('round-trips through text and bytes', () => {
    fc.assert(
      fc.property(fc.uuid(), (text) => {
        const uuid = Uuid.parse(text)
        expect(uuid.toString()).toBe(text)
        expect(JSON.stringify({ uuid })).toBe(JSON.stringify({ uuid: text }))
        expect(Uuid.from(uuid.toBytes()).equals(uuid)).toBe(true)
        expect(Uuid.parse(text.toUpperCase())).toStrictEqual(uuid)
      }),
    )
  })

  it('cannot be changed', () => {
    const bytes = new Uint8Array(16)
    const uuid = Uuid.from(bytes)
    bytes.fill(1)
    uuid.toBytes().fill(2)
    expect(uuid.text).toBe('00000000-0000-0000-0000-000000000000')
    expect(Object.isFrozen(uuid)).toBe(true)
  })

  it('equals only a UUID', () => {
    const uuid = Uuid.from(new Uint8Array(16))
    expect(uuid.equals(uuid.text)).toBe(false)
    expect(uuid.equals(Uuid.from(new Uint8Array(16).fill(1)))).toBe(false)
  })

  it.each([
    '',
    '01890a5d',
    '01890a5dac96774bbcceb302099a8057',
    '{01890a5d-ac96-774b-bcce-b302099a8057}',
    '01890a5d-ac96-774b-bcce-b302099a805g',
  ])('refuses %o', (text) => {
    expect(() => Uuid.parse(text)).toThrow(TypeError)
  })

  it('refuses other than 16 bytes', () => {
    expect(() => Uuid.from(new Uint8Array(15))).toThrow(TypeError)
    expect(() => Uuid.from('x'.repeat(16) as unknown as Uint8Array)).toThrow(TypeError)
  })
})
