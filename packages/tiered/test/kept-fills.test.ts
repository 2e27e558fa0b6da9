import { filling } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { KeptFills } from '../src/shared/kept-fills.ts'

test('of each key the latest is kept, until it is taken or cleared', () => {
  const kept = new KeptFills()
  kept.keep([filling('a', 'one', 1, 5), filling('b', 'one', 1, 5)])
  kept.keep([filling('a', 'two', 6, 7), filling('b', 'older', 1, 4)])
  expect(kept.take().map(({ key, asOf }) => [key.id, asOf])).toEqual([
    ['a', 7],
    ['b', 5],
  ])
  expect(kept.take()).toEqual([])
  kept.keep([filling('a', 'one', 1, 5)])
  kept.clear()
  expect(kept.take()).toEqual([])
})

test('not more than is worth it are kept: by number, and by size', () => {
  const many = new KeptFills()
  many.keep(Array.from({ length: 10_001 }, (_, i) => filling(i, 'value', 1, 5)))
  many.keep([filling(0, 'newer', 6, 6)])
  const taken = many.take()
  expect(taken).toHaveLength(10_000)
  expect(taken[0]).toMatchObject({ asOf: 6 })

  const large = new KeptFills()
  const megabyte = 'x'.repeat(1024 * 1024 - 100)
  // The same key again and again takes the room of one.
  for (let asOf = 1; asOf < 20; asOf++) large.keep([filling('a', megabyte, 1, asOf)])
  large.keep(Array.from({ length: 20 }, (_, i) => filling(i, megabyte, 1, 5)))
  expect(large.take()).toHaveLength(8)
  large.keep([filling('b', megabyte, 1, 5)])
  expect(large.take()).toHaveLength(1)
})
