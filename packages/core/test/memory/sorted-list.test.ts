import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SortedList } from '../../src/memory/sorted-list.ts'

const numbers = (): SortedList<number> => new SortedList((a, b) => a - b)

describe('SortedList', () => {
  it.each([
    ['upwards', (i: number) => i],
    ['downwards', (i: number) => 9_999 - i],
    ['out of order', (i: number) => (i * 7_919) % 10_000],
  ])('keeps thousands of items in order, added %s', (_, nth) => {
    const list = numbers()
    for (let i = 0; i < 10_000; i++) list.add(nth(i))
    const sorted = Array.from({ length: 10_000 }, (__, i) => i)
    expect([...list.ascend(() => false)]).toEqual(sorted)
    expect([...list.descend(() => true)]).toEqual(sorted.toReversed())
    for (let i = 0; i < 10_000; i += 2) expect(list.delete(nth(i))).toBe(true)
    expect(list.size).toBe(5_000)
    expect([...list.ascend(() => false)]).toHaveLength(5_000)
  })

  it('behaves as a sorted array, for any additions and deletions and from any start', () => {
    const step = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3_000 }))
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 4_000, size: 'max' }),
        fc.integer({ min: -1, max: 3_001 }),
        (steps, from) => {
          const list = numbers()
          const model = new Set<number>()
          for (const [isAddition, n] of steps) {
            if (!isAddition) expect(list.delete(n)).toBe(model.delete(n))
            else if (!model.has(n)) {
              list.add(n)
              model.add(n)
            }
          }
          const sorted = [...model].toSorted((a, b) => a - b)
          expect(list.size).toBe(sorted.length)
          expect([...list.ascend((n) => n < from)]).toEqual(sorted.filter((n) => n >= from))
          expect([...list.descend((n) => n < from)]).toEqual(sorted.filter((n) => n < from).toReversed())
        },
      ),
      { numRuns: 100 },
    )
  })

  it('can be emptied and used again', () => {
    const list = numbers()
    list.add(1)
    list.clear()
    expect([list.size, [...list.ascend(() => false)], list.delete(1)]).toEqual([0, [], false])
    list.add(2)
    expect([...list.descend(() => true)]).toEqual([2])
  })
})
