import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Found, RecentChanges } from '../../src/index.ts'
import { filling, missing } from '@tidemark/testkit'

describe('RecentChanges', () => {
  it('remembers the highest seq per key, in whatever order changes come', () => {
    const fence = new RecentChanges()
    for (const [id, seq] of [['a', 3] as const, ['b', 5] as const, ['a', 1] as const, ['a', 4] as const]) {
      fence.record(id, seq)
    }
    expect([fence.versionOf('a'), fence.versionOf('b'), fence.versionOf('c')]).toEqual([4, 5, undefined])
    expect([fence.size, fence.floor]).toEqual([2, 0])
  })

  it('forgets the key that has not changed for the longest time, and raises the floor to its seq', () => {
    const fence = new RecentChanges({ capacity: 2 })
    fence.record('a', 1)
    fence.record('b', 2)
    fence.record('a', 3)
    fence.record('c', 4)
    expect([fence.versionOf('a'), fence.versionOf('b'), fence.versionOf('c')]).toEqual([3, undefined, 4])
    expect(fence.floor).toBe(2)
    fence.record('d', 5)
    expect([fence.versionOf('a'), fence.floor]).toEqual([undefined, 3])
  })

  it('does not remember a key anew with a change that its floor covers', () => {
    const fence = new RecentChanges({ capacity: 1 })
    fence.record('a', 2)
    fence.record('b', 3)
    fence.record('a', 1)
    expect([fence.versionOf('a'), fence.admits('a', found(1), 1)]).toEqual([undefined, false])
  })

  it('never lowers its floor, not by forgetting an older change', () => {
    const fence = new RecentChanges({ capacity: 1, floor: 10 })
    fence.record('a', 3)
    fence.record('b', 4)
    expect(fence.floor).toBe(10)
  })

  it('admits for a remembered key what is as new as the change, however old the snapshot', () => {
    const fence = new RecentChanges({ floor: 3 })
    fence.record('a', 7)
    expect(fence.admits('a', found(7), 0)).toBe(true)
    expect(fence.admits('a', found(6), 200)).toBe(false)
    expect(fence.admits('a', absent(7), 7)).toBe(true)
    expect(fence.admits('a', absent(6), 6)).toBe(false)
  })

  it('admits for any other key what includes the floor, however old the value', () => {
    const fence = new RecentChanges({ floor: 10 })
    expect(fence.admits('a', found(3), 10)).toBe(true)
    expect(fence.admits('a', found(3), 9)).toBe(false)
    expect(fence.admits('a', absent(9), 9)).toBe(false)
  })

  it('forgets everything when it starts again, and lets in nothing that may be older than what it knew', () => {
    const fence = new RecentChanges()
    fence.record('a', 20)
    fence.restart(10)
    expect([fence.size, fence.floor]).toEqual([0, 20])
    fence.restart(30)
    expect(fence.floor).toBe(30)
    for (let seq = 31; seq < 40; seq++) fence.record(`k${seq}`, seq)
    expect(fence.size).toBe(9)
  })

  it.each([{ capacity: 0 }, { capacity: 1.5 }, { capacity: Number.NaN }, { floor: -1 }, { floor: 0.5 }])(
    'refuses %o',
    (options) => {
      expect(() => new RecentChanges(options)).toThrow(RangeError)
    },
  )

  it('admits nothing that misses an executed change, for any changes and any capacity', () => {
    const change = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 30 }))
    const offer = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), asOf: fc.integer({ min: 0, max: 30 }) })
    let admitted = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(change, { maxLength: 30 }),
        fc.array(offer, { minLength: 1, maxLength: 10 }),
        (capacity, changes, offers) => {
          const fence = new RecentChanges({ capacity })
          const executed = new Map<string, number>()
          for (const [id, seq] of changes) {
            fence.record(id, seq)
            executed.set(id, Math.max(seq, executed.get(id) ?? 0))
          }
          expect(fence.size).toBeLessThanOrEqual(capacity)
          for (const { id, asOf } of offers) {
            // The snapshot at asOf holds the key's last change up to there.
            const version = Math.max(
              0,
              ...changes.filter(([each, seq]) => each === id && seq <= asOf).map(([, seq]) => seq),
            )
            if (!fence.admits(id, found(version), asOf)) continue
            admitted++
            expect(version).toBe(executed.get(id) ?? 0)
          }
          // As good as a fence that forgets nothing, as long as it has forgotten nothing.
          if (executed.size <= capacity) {
            for (const [id, seq] of executed) expect(fence.versionOf(id)).toBe(seq)
            expect(fence.floor).toBe(0)
          }
        },
      ),
      { numRuns: 500 },
    )
    expect(admitted).toBeGreaterThan(100)
  })
})

function found(version: number): Found {
  return filling('any', 0, version, version).found
}

function absent(asOf: number): Found {
  return missing('any', asOf).found
}
