import { shortPages } from '@tidemark/testkit'
import { expect, test, vi } from 'vitest'
import { createMemoryBack, Store } from '../../src/index.ts'
import { invalidation } from '../../src/store/tags.ts'

test('lists without promises all that is there, also where pages end early', () => {
  const sync = new Store(shortPages(createMemoryBack())).sync!
  for (let n = 0; n < 10; n++) sync.set(['n', n], n)
  expect(Array.from(sync.entries(), ({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(Array.from(sync.entries({ reverse: true, limit: 9 }), ({ value }) => value)).toEqual([
    9, 8, 7, 6, 5, 4, 3, 2, 1,
  ])
})

test('reads several keys with their tags as of one moment, whatever another process writes in between', () => {
  const back = createMemoryBack()
  const sync = new Store(back).sync!
  /** Reads a pair, one of which carries a tag, while something happens before it is asked for. */
  const pairAfter = (meanwhile: () => unknown): readonly unknown[] => {
    sync.setMany([
      ['a', 1, { tags: ['t'] }],
      ['b', 1],
    ])
    const read = back.sync.read.bind(back.sync)
    let reads = 0
    const spy = vi.spyOn(back.sync, 'read').mockImplementation((keys) => {
      if (++reads === 2) meanwhile()
      return read(keys)
    })
    const found = sync.getMany(['a', 'b'])
    spy.mockRestore()
    return [found.get('a'), found.get('b'), reads]
  }
  const both = (tag: string): unknown =>
    sync.setMany([
      ['a', 2, { tags: [tag] }],
      ['b', 2],
    ])
  const invalidate = (): unknown => back.sync.commit({ reads: [], decide: () => [invalidation(back.codec, 't')] })
  expect(pairAfter(() => {})).toEqual([1, 1, 2])
  expect(pairAfter(invalidate)).toEqual([undefined, 1, 2])
  expect(pairAfter(() => [invalidate(), both('t')])).toEqual([2, 2, 2])
  expect(pairAfter(() => [both('t'), invalidate()])).toEqual([undefined, 2, 2])
  // Of a tag that was not asked for.
  expect(pairAfter(() => [invalidate(), both('u')])).toEqual([2, 2, 3])
})
