import { type Entry, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBack } from './back-suite.ts'

export function describeCommits(start: StartBack): void {
  describe('a commit', () => {
    it('gives its changes consecutive seqs from 1 on, in the order of the writes', async () => {
      const { back } = await start()
      expect(await back.log.head()).toBe(0)
      const one = await commit(back, setting('a', 1))
      const three = await commit(back, setting('c', 1), setting('b', 1), deleting('a'))
      expect(one.changes).toMatchObject([{ seq: 1, first: 1, last: 1, op: 'set', prevVersion: 0 }])
      expect(three.changes).toMatchObject([
        { seq: 2, first: 2, last: 4, key: { id: StoreKey.of('c').id } },
        { seq: 3, first: 2, last: 4, key: { id: StoreKey.of('b').id } },
        { seq: 4, first: 2, last: 4, key: { id: StoreKey.of('a').id }, op: 'delete', prevVersion: 1 },
      ])
      expect([one.asOf, three.asOf, await back.log.head()]).toEqual([1, 4, 4])
    })

    it('says what it wrote, when, and who', async () => {
      const { back, clock } = await start()
      const earliest = Math.floor(clock.now())
      const expiresAt = earliest + 1e6
      const write = setting(['user', 42], { n: 1 }, { expiresAt, meta: { by: 'test' }, path: ['n'] })
      const { changes } = await commit(back, write)
      const [change] = changes
      expect(change).toMatchObject({ op: 'set', expiresAt, path: ['n'], origin: back.origin })
      expect(change!.payload!.decode()).toEqual({ n: 1 })
      expect(change!.meta!.decode()).toEqual({ by: 'test' })
      expect(change!.at).toBeGreaterThanOrEqual(earliest)
      expect(change!.at).toBeLessThanOrEqual(clock.now())
      const { entry } = await back.readOne(StoreKey.of(['user', 42]))
      expect(entry).toMatchObject({ version: change!.seq, writtenAt: change!.at, expiresAt })
      expect(entry!.payload.decode()).toEqual({ n: 1 })
      expect(entry!.meta!.decode()).toEqual({ by: 'test' })
    })

    it('names its proposal, and no front', async () => {
      const { back } = await start()
      const proposal = { reads: [], decide: () => [setting('a', 1)] }
      const done = await back.commit(proposal)
      expect(done.proposal).toBe(proposal)
      expect(done.tiers).toEqual([])
    })

    it('does not log the deletion of what does not exist, and burns no seq for it', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      const nothing = await commit(back, deleting('b'))
      expect(nothing).toMatchObject({ changes: [], asOf: 1 })
      const some = await commit(back, deleting('b'), setting('c', 1), deleting('d'), deleting('a'))
      expect(some.changes.map(({ seq, op, last }) => [seq, op, last])).toEqual([
        [2, 'set', 3],
        [3, 'delete', 3],
      ])
    })

    it('may write nothing at all', async () => {
      const { back } = await start()
      expect(await commit(back)).toMatchObject({ changes: [], asOf: 0 })
      expect(await back.log.head()).toBe(0)
    })

    it('replaces the version before, and 0 where there was none', async () => {
      const { back } = await start()
      for (const write of [setting('a', 1), setting('b', 1), setting('a', 2), deleting('a'), setting('a', 3)]) {
        await commit(back, write)
      }
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes.map((change) => change.prevVersion)).toEqual([0, 0, 1, 3, 0])
    })

    it('may write a key several times: each is a change on top of the one before', async () => {
      const { back } = await start()
      const { changes } = await commit(
        back,
        setting('a', 1),
        setting('a', 2),
        deleting('a'),
        deleting('a'),
        setting('a', 3),
        setting('b', 1),
        deleting('b'),
      )
      expect(changes.map(({ seq, op, prevVersion }) => [seq, op, prevVersion])).toEqual([
        [1, 'set', 0],
        [2, 'set', 1],
        [3, 'delete', 2],
        [4, 'set', 0],
        [5, 'set', 0],
        [6, 'delete', 5],
      ])
      expect([await valueOf(back, 'a'), await valueOf(back, 'b')]).toEqual([3, undefined])
    })

    it('decides on what it reads, in the order in which it asked', async () => {
      const { back } = await start()
      await commit(back, setting('a', 'A'), setting('b', 'B'))
      let seen: readonly (Entry | undefined)[] = []
      const reads = ['b', 'none', 'a', 'b'].map((key) => StoreKey.of(key))
      await back.commit({
        reads,
        decide: (current) => {
          seen = [...current]
          return [setting('c', 'C')]
        },
      })
      expect(seen.map((entry) => entry && [entry.version, entry.payload.decode()])).toEqual([
        [2, 'B'],
        undefined,
        [1, 'A'],
        [2, 'B'],
      ])
      expect(await valueOf(back, 'c')).toBe('C')
    })

    it('is never dated before the one before it, whatever the clock does', async () => {
      const { back, clock } = await start()
      await commit(back, setting('a', 1))
      clock.step(-3_600_000)
      await commit(back, setting('a', 2))
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes[1]!.at).toBeGreaterThanOrEqual(changes[0]!.at)
      expect((await back.readOne(StoreKey.of('a'))).entry!.writtenAt).toBe(changes[1]!.at)
    })

    it('holds thousands of changes as one', async () => {
      const { back } = await start()
      const writes = Array.from({ length: 5_000 }, (_, i) => setting(['n', i], i))
      const { changes } = await commit(back, ...writes)
      expect(changes).toHaveLength(5_000)
      expect(changes.every(({ seq, first, last }, i) => seq === i + 1 && first === 1 && last === 5_000)).toBe(true)
      expect(await valueOf(back, ['n', 4_999])).toBe(4_999)
    })
  })
}
