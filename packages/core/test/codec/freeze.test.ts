import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { freezeDeep } from '../../src/codec/freeze.ts'
import { Uuid } from '../../src/keys/uuid.ts'

function isFrozenDeep(value: unknown): boolean {
  return (
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozenDeep))
  )
}

describe('deep freezing', () => {
  it('makes plain data shareable', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }), (value) => {
        expect(freezeDeep(value)).toBe(true)
        expect(isFrozenDeep(value)).toBe(true)
      }),
    )
  })

  it.each([
    ['a Date', new Date()],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['bytes', new Uint8Array(1)],
    ['an ArrayBuffer', new ArrayBuffer(1)],
    ['a RegExp', /a/],
    ['an error', new Error('x')],
    ['a class instance', new (class A {})()],
    ['a function', () => 1],
  ])('does not call %s shareable, wherever it is', (_name, value) => {
    expect(freezeDeep(value)).toBe(false)
    expect(freezeDeep([1, { value }, 2])).toBe(false)
    expect(freezeDeep({ a: [value], b: 1 })).toBe(false)
  })

  it('freezes the rest all the same', () => {
    const value = { date: new Date(), list: [{}], last: {} }
    freezeDeep(value)
    expect([value, value.list, value.list[0], value.last].every(Object.isFrozen)).toBe(true)
  })

  it('shares a Uuid, which cannot be changed', () => {
    expect(freezeDeep({ id: Uuid.from(new Uint8Array(16)) })).toBe(true)
  })

  it('reaches an own property called __proto__', () => {
    const value = JSON.parse('{"__proto__":{"a":{}}}') as object
    expect(freezeDeep(value)).toBe(true)
    expect(isFrozenDeep(Object.getOwnPropertyDescriptor(value, '__proto__')?.value)).toBe(true)
  })
})
