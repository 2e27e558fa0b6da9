import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LogSegments } from '../../src/compaction/log-segments.ts'

const sum = (sizes: readonly number[], after: number, upTo: number): number =>
  sizes.slice(after, upTo).reduce((all, size) => all + size, 0)

const none = async (): Promise<void> => undefined

it('finds where the newest bytes begin, while the log grows and loses its beginning', async () => {
  const round = fc.record({
    grow: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 1_500 }),
    maxBytes: fc.integer({ min: 0, max: 60_000 }),
    compact: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async (rounds) => {
      const sizes: number[] = []
      let floor = 0
      const segments = new LogSegments(async (after, upTo) => sum(sizes, Math.max(after, floor), upTo))
      for (const { grow, maxBytes, compact } of rounds) {
        sizes.push(...grow)
        const head = sizes.length
        const start = await segments.startOfLast(maxBytes, floor, head, none)
        expect(start).toBeGreaterThanOrEqual(floor)
        expect(start).toBeLessThanOrEqual(head)
        expect(sum(sizes, start, head)).toBeLessThanOrEqual(maxBytes)
        // What goes beyond is what the next segment would have taken it to: one change, or a part of what was ever asked for.
        const slack = Math.max(200, 60_000 / 16) + 200
        if (start > floor) expect(sum(sizes, start, head)).toBeGreaterThan(maxBytes - slack)
        if (compact) floor = start
      }
    }),
    { numRuns: 60 },
  )
})

it('measures what was added, and no more than was asked for', async () => {
  let head = 100_000
  let measured = 0
  const segments = new LogSegments(async (after, upTo) => {
    measured += upTo - after
    return (upTo - after) * 100
  })
  expect(await segments.startOfLast(1_000_000, 0, head, none)).toBe(head - 9_728)
  expect(measured).toBeLessThan(12_000)
  measured = 0
  for (let i = 0; i < 1_000; i++) await segments.startOfLast(1_000_000, 0, (head += 3), none)
  expect(measured).toBeLessThan(4_100)
})

it('forgets what a restore took back', async () => {
  let size = 100
  const segments = new LogSegments(async (after, upTo) => (upTo - after) * size)
  expect(await segments.startOfLast(1_000, 0, 50, none)).toBe(40)
  size = 50
  expect(await segments.startOfLast(1_000, 0, 45, none)).toBe(25)
})
