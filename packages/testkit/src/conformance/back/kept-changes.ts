import { type Back, CompactedError, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'

const HOUR = 3_600_000

export function describeKeptChanges(start: StartBacks): void {
  describe('compaction that keeps the latest', () => {
    it('keeps what made each entry what it is now, below the floor, for who asks for it', async () => {
      const { back, other, clock } = await start()
      const expiresAt = Math.ceil(clock.now()) + HOUR
      await commit(back, setting('a', 1), setting('b', 1), setting('a', 2))
      await commit(back, setting('gone', 1), setting('brief', 1, { expiresAt }))
      await commit(back, deleting('gone'), setting('c', { large: 'x'.repeat(5_000) }, { meta: 'm', path: ['large'] }))
      const all = await back.log.at([1, 2, 3, 4, 5, 6, 7])
      const step = await back.compaction.compact({ upTo: 7, limit: 100, keepLatest: true })
      expect(step).toEqual({ floor: 7, removed: 4, done: true })
      for (const each of [back, other]) {
        expect(await found(each, 7)).toEqual([2, 3, 7])
        expect(await each.log.at([7, 2])).toEqual([all[6], all[1]])
        expect(await historyOf(each, 'a')).toEqual([[3], 'floor'])
        expect(await historyOf(each, 'gone')).toEqual([[], 'floor'])
        expect(await historyOf(each, 'brief')).toEqual([[], 'floor'])
        await expect(each.log.read({ after: 1, limit: 9 })).rejects.toBeInstanceOf(CompactedError)
        expect(await each.log.read({ after: 7, limit: 9 })).toEqual({ changes: [], head: 7 })
      }
    })

    it('keeps it until what replaces it is below the floor, too', async () => {
      const { back } = await start()
      const compact = async (): Promise<unknown> => {
        const upTo = await back.log.head()
        return back.compaction.compact({ upTo, limit: 1, keepLatest: true })
      }
      await commit(back, setting('a', 1))
      await compact()
      await commit(back, setting('b', 1))
      await commit(back, setting('a', 2))
      await commit(back, deleting('b'))
      expect([await found(back, 4), await historyOf(back, 'a')]).toEqual([
        [1, 2, 3, 4],
        [[3, 1], 'floor'],
      ])
      expect(await compact()).toEqual({ floor: 2, removed: 1, done: false })
      expect(await found(back, 4)).toEqual([1, 3, 4])
      expect(await compact()).toEqual({ floor: 3, removed: 1, done: false })
      expect(await found(back, 4)).toEqual([3, 4])
      expect(await compact()).toEqual({ floor: 4, removed: 1, done: true })
      expect([await found(back, 4), await historyOf(back, 'b')]).toEqual([[3], [[], 'floor']])
    })

    it('leads from what follows to what was kept, also where the key was gone in between', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      await back.compaction.compact({ upTo: 1, limit: 1, keepLatest: true })
      await commit(back, deleting('a'))
      await commit(back, setting('a', 2))
      expect(await historyOf(back, 'a')).toEqual([[3, 2, 1], 'floor'])
      expect(await historyOf(back, 'a', 2)).toEqual([[1], 'floor'])
      expect(await historyOf(back, 'a', 1)).toEqual([[], 'floor'])
    })

    it('holds nothing of entries that expire, so that none stays for ever', async () => {
      const { back, clock } = await start()
      const expiresAt = Math.ceil(clock.now()) + HOUR
      await commit(back, setting('a', 1, { expiresAt }))
      await back.compaction.compact({ upTo: 1, limit: 1, keepLatest: true })
      clock.step(2 * HOUR)
      // Its predecessor is no longer known to it.
      expect((await commit(back, setting('a', 2))).changes).toMatchObject([{ prevVersion: 0 }])
      await commit(back, setting('a', 3))
      await back.compaction.compact({ upTo: 3, limit: 9, keepLatest: true })
      expect(await found(back, 3)).toEqual([3])
    })

    it('is undone, in steps, as soon as compaction keeps nothing', async () => {
      const { back } = await start()
      for (let i = 0; i < 10; i++) await commit(back, setting(['n', i], i))
      await back.compaction.compact({ upTo: 8, limit: 99, keepLatest: true })
      expect(await found(back, 10)).toHaveLength(10)
      expect(await back.compaction.compact({ upTo: 5, limit: 3 })).toEqual({ floor: 8, removed: 3, done: false })
      expect(await found(back, 10)).toEqual([4, 5, 6, 7, 8, 9, 10])
      expect(await back.compaction.compact({ upTo: 5, limit: 3 })).toEqual({ floor: 8, removed: 2, done: false })
      expect(await back.compaction.compact({ upTo: 5, limit: 3 })).toEqual({ floor: 8, removed: 0, done: true })
      expect(await found(back, 10)).toEqual([6, 7, 8, 9, 10])
      while (!(await back.compaction.compact({ upTo: 10, limit: 3 })).done);
      expect([await found(back, 10), await back.log.floor()]).toEqual([[], 10])
      expect(await valueOf(back, ['n', 0])).toBe(0)
    })
  })
}

/** The seqs up to `head` that are still there. */
async function found(back: Back, head: number): Promise<readonly number[]> {
  const changes = await back.log.at(Array.from({ length: head }, (_, i) => i + 1))
  return changes.flatMap((change) => change?.seq ?? [])
}

async function historyOf(back: Back, key: string, before?: number): Promise<unknown> {
  const { changes, end } = await back.log.changesOf(StoreKey.of(key), { limit: 10, before })
  return [changes.map(({ seq }) => seq), end]
}
