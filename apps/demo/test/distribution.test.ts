import { describe, expect, it } from 'vitest'
import { Distribution } from '../src/distribution.ts'

function of(...values: readonly number[]): Distribution {
  const distribution = new Distribution()
  for (const value of values) distribution.record(value)
  return distribution
}

describe('a distribution', () => {
  it('of nothing is all zeros', () => {
    expect(of().summary()).toEqual({ count: 0, p50: 0, p99: 0, max: 0 })
    expect(of().buckets()).toEqual([])
  })

  it('counts 0 as what it is, and rounds nothing down', () => {
    expect(of(0, 0, 0.2, 7).buckets()).toEqual([
      [0, 2],
      [1, 1],
      [7, 1],
    ])
    expect(of(101, 1_234, 99_999).buckets()).toEqual([
      [110, 1],
      [1_300, 1],
      [100_000, 1],
    ])
  })

  it('knows its percentiles, none of which is above its maximum', () => {
    const hundred = of(...Array.from({ length: 100 }, (_, i) => i + 1))
    expect(hundred.summary()).toEqual({ count: 100, p50: 50, p99: 99, max: 100 })
    expect(of(101).summary()).toEqual({ count: 1, p50: 101, p99: 101, max: 101 })
  })

  it('is the same whether one process recorded everything or several did', () => {
    const parts = [[3, 1, 4_150, 1], [], [5, 926, 535]]
    const sum = new Distribution()
    for (const part of parts.map((values) => of(...values)))
      sum.add({ buckets: part.buckets(), max: part.summary().max })
    expect(sum.buckets()).toEqual(of(...parts.flat()).buckets())
    expect(sum.summary()).toEqual(of(...parts.flat()).summary())
  })
})
