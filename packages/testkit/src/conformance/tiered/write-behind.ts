import { StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { valueOf } from '../../writes.ts'
import type { StartTiered } from './tiered-suite.ts'

/** What is promised of writes that are acknowledged before they are in the back tier. */
export function describeWriteBehind(start: StartTiered): void {
  describe.each(['frontend-first', 'frontend-only'] as const)('write-behind, %s', (readPolicy) => {
    const behind = { writePolicy: 'write-behind', readPolicy } as const

    it('is read at once by who has written, stands in no tier before the flush, and in every one after it', async () => {
      const test = await start(behind)
      expect((await test.store.set('a', 1)).version).toBe(0)
      await test.store.setMany([
        ['a', 2],
        ['b', null],
      ])
      expect([await test.store.get('a'), await test.store.has('b')]).toEqual([2, true])
      expect([await test.inFronts('a'), await valueOf(test.back, 'a')]).toEqual([test.each(undefined), undefined])
      await test.flush()
      expect([await test.inFronts('a'), await valueOf(test.back, 'a')]).toEqual([test.each(2), 2])
      expect([await test.inFronts('b'), await valueOf(test.back, 'b')]).toEqual([test.each(null), null])
    })

    it('replaces in every front what it replaces, when it is flushed, in one commit with the rest', async () => {
      const test = await start(behind)
      await test.store.set('a', 1, { writePolicy: 'write-through' })
      await test.store.set('a', 2)
      await test.store.set('b', 2)
      expect([await test.inFronts('a'), await test.store.get('a')]).toEqual([test.each(1), 2])
      await test.flush()
      expect([await test.inFronts('a'), await test.inFronts('b')]).toEqual([test.each(2), test.each(2)])
      const { changes } = await test.back.log.read({ after: 1, limit: 10 })
      expect(changes.map(({ key, first, last }) => [key.tuple, first, last])).toEqual([
        [['a'], 2, 3],
        [['b'], 2, 3],
      ])
    })

    it.each([4, 5, 6])('keeps the order of %d writes of a key, whichever policy each of them has', async (last) => {
      const test = await start(behind)
      const values = Array.from({ length: last }, (_, i) => i + 1)
      const policies = ['write-behind', 'write-through', 'write-around'] as const
      await Promise.all(values.map((value) => test.store.set('a', value, { writePolicy: policies[value % 3]! })))
      // Not the fronts only: the last write may have gone around them.
      const first = { readPolicy: 'frontend-first' } as const
      expect(await test.store.get('a', first)).toBe(last)
      await test.flush()
      const read = await test.store.get('a', first)
      expect([read, await valueOf(test.back, 'a')]).toEqual([last, last])
      for (const held of await test.inFronts('a')) expect(held ?? last).toBe(last)
    })

    it('is met by every read of who has written, also of the truth, and by keys', async () => {
      const test = await start(behind)
      await test.store.set('a', 1)
      expect([await test.store.get('a'), (await test.store.getMany(['a', 'b'])).size]).toEqual([1, 1])
      expect(await test.store.get('a', { consistency: 'linearizable' })).toBe(1)
      expect((await test.back.readOne(StoreKey.of('a'))).entry?.payload.read()).toBe(1)
      await test.store.set('b', 1)
      expect(await Array.fromAsync(test.store.keys())).toEqual([['a'], ['b']])
    })

    it('is chosen by a single write, also of many keys; what reads first is committed at once', async () => {
      const test = await start({ readPolicy })
      await test.store.set('a', 1, { writePolicy: 'write-behind' })
      await test.store.setMany([['b', 1]], { writePolicy: 'write-behind' })
      expect(await test.back.log.head()).toBe(0)
      const { version } = await test.store.update<number>('a', (n) => n! + 1, { writePolicy: 'write-behind' })
      expect([version, await valueOf(test.back, 'a')]).toEqual([3, 2])
    })

    it('is committed by closing', async () => {
      const test = await start(behind)
      let committed: readonly unknown[] = []
      test.back.onCommit(
        (commits) => (committed = commits.flatMap(({ changes }) => changes.map(({ key }) => key.tuple))),
      )
      await test.store.set('a', 1)
      await test.store.close()
      expect(committed).toEqual([['a']])
    })
  })
}
