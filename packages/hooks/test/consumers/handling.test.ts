import { createMemoryBack } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { consume } from '../../src/index.ts'
import { range } from '../support/reading.ts'
import { commitNumbers } from '../support/writing.ts'

describe('a consumer', () => {
  it('gets every change once, those of each key in order, and goes on from where it was', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 30)
    const seen: number[] = []
    {
      await using consumer = await consume(back, 'one', { from: 'start' }, ({ seq }) => seen.push(seq))
      await eventually('all seen', () => seen.length === 30)
      await commitNumbers(back, 10, 31)
      await eventually('all seen', () => seen.length === 40)
      expect((await consumer.stats()).processed).toBe(40)
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(range(1, 40))
    await commitNumbers(back, 10, 41)
    await using _again = await consume(back, 'one', { from: 'start' }, ({ seq }) => seen.push(seq))
    await eventually('all seen', () => seen.length >= 50)
    expect(seen.toSorted((a, b) => a - b)).toEqual(range(1, 50))
  })
})
