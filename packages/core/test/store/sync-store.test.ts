import { shortPages } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { createMemoryBack, Store } from '../../src/index.ts'

test('lists without promises all that is there, also where pages end early', () => {
  const sync = new Store(shortPages(createMemoryBack())).sync!
  for (let n = 0; n < 10; n++) sync.set(['n', n], n)
  expect(Array.from(sync.entries(), ({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(Array.from(sync.entries({ reverse: true, limit: 9 }), ({ value }) => value)).toEqual([
    9, 8, 7, 6, 5, 4, 3, 2, 1,
  ])
})
