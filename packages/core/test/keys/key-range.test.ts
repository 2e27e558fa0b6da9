import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ALL_KEYS, inRange, prefixRange, type RangeOptions, rangeOf } from '../../src/keys/key-range.ts'
import { type Key, type KeyTuple, toTuple } from '../../src/keys/key.ts'
import { encodeTuple } from '../../src/keys/tuple-encoding.ts'
import { compareTuples } from '../../src/keys/tuple-order.ts'
import { closeTuple, tuple } from './arbitrary-keys.ts'

const startsWith = (key: KeyTuple, prefix: KeyTuple): boolean =>
  prefix.length <= key.length && compareTuples(key.slice(0, prefix.length), prefix) === 0

describe('a prefix range', () => {
  it('holds exactly the keys that start with these parts', () => {
    const related = fc.oneof(
      fc.tuple(closeTuple, closeTuple),
      fc.tuple(closeTuple, closeTuple).map(([prefix, rest]): [KeyTuple, KeyTuple] => [prefix, [...prefix, ...rest]]),
      fc.tuple(tuple, tuple).map(([prefix, rest]): [KeyTuple, KeyTuple] => [prefix, [...prefix, ...rest]]),
      fc.tuple(fc.string(), fc.string()).map(([a, b]): [KeyTuple, KeyTuple] => [[a], [`${a}\0${b}`]]),
    )
    fc.assert(
      fc.property(related, ([prefix, key]) => {
        expect(inRange(prefixRange(prefix), encodeTuple(key))).toBe(startsWith(key, prefix))
      }),
      { numRuns: 5000 },
    )
  })

  it('matches whole parts', () => {
    const range = prefixRange('us')
    expect(inRange(range, encodeTuple(['us']))).toBe(true)
    expect(inRange(range, encodeTuple(['us', 1]))).toBe(true)
    expect(inRange(range, encodeTuple(['user']))).toBe(false)
    expect(inRange(range, encodeTuple(['us\0er']))).toBe(false)
  })

  it('of the empty tuple holds every key', () => {
    expect(prefixRange([])).toBe(ALL_KEYS)
    fc.assert(
      fc.property(tuple, (key) => {
        expect(inRange(ALL_KEYS, encodeTuple(key))).toBe(true)
      }),
    )
  })

  it('refuses what cannot be a key', () => {
    expect(() => prefixRange(NaN)).toThrow(TypeError)
  })
})

describe('a range of bounds', () => {
  const satisfies = (key: KeyTuple, { prefix, gte, gt, lt, lte }: RangeOptions): boolean => {
    const order = (bound: Key): number => compareTuples(key, toTuple(bound))
    return (
      (prefix === undefined || startsWith(key, toTuple(prefix as Key))) &&
      (gte === undefined || order(gte) >= 0) &&
      (gt === undefined || order(gt) > 0) &&
      (lt === undefined || order(lt) < 0) &&
      (lte === undefined || order(lte) <= 0)
    )
  }

  it('holds exactly the keys that satisfy all of them', () => {
    const lower = fc.oneof(fc.record({ gte: closeTuple }), fc.record({ gt: closeTuple }), fc.constant({}))
    const upper = fc.oneof(fc.record({ lte: closeTuple }), fc.record({ lt: closeTuple }), fc.constant({}))
    const prefix = fc.oneof(fc.record({ prefix: fc.oneof(closeTuple, fc.constant([] as const)) }), fc.constant({}))
    fc.assert(
      fc.property(lower, upper, prefix, closeTuple, (a, b, c, key) => {
        const options: RangeOptions = { ...a, ...b, ...c }
        expect(inRange(rangeOf(options), encodeTuple(key))).toBe(satisfies(key, options))
      }),
      { numRuns: 5000 },
    )
  })

  it('without bounds holds every key', () => {
    expect(rangeOf({})).toEqual(ALL_KEYS)
  })

  it('takes undefined for an absent bound', () => {
    expect(rangeOf({ gte: 'a', gt: undefined as unknown as Key })).toEqual(rangeOf({ gte: 'a' }))
  })

  it('has one lower and one upper bound, and no unknown options', () => {
    expect(() => rangeOf({ gt: 'a', gte: 'a' })).toThrow(TypeError)
    expect(() => rangeOf({ lt: 'a', lte: 'a' })).toThrow(TypeError)
    expect(() => rangeOf({ from: 'a' } as RangeOptions)).toThrow('unknown option from of the range')
  })
})
