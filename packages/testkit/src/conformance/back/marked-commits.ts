import { type LogChange, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'
import { granted, HOUR, LOST } from './leased.ts'
import { allMarks, marking, marksAt, proposing } from './marked.ts'

export function describeMarkedCommits(start: StartBacks): void {
  describe('a commit with marks', () => {
    it('writes them with its entries', async () => {
      const { back, other } = await start()
      const marks = [marking('offset', 7), marking('gone', undefined)]
      await back.marks.write([marking('gone', 1)])
      const done = await proposing(back, { marks, decide: () => [setting('a', 1)] })
      expect(done).toMatchObject({ changes: [{ seq: 1, first: 1, last: 1 }], asOf: 1 })
      expect([await allMarks(other), await valueOf(other, 'a')]).toEqual([[['offset', 7]], 1])
    })

    it('writes them also when no entry changes, and is nothing that anybody is told of', async () => {
      const { back } = await start()
      const told: unknown[] = []
      back.onCommit((commits) => told.push(...commits))
      const done = await proposing(back, { marks: [marking('o', 1)], decide: () => [deleting('none')] })
      expect(done).toMatchObject({ changes: [], asOf: 0 })
      expect([await allMarks(back), told, await back.log.head()]).toEqual([[['o', 1]], [], 0])
    })

    it('asks for marks that name the versions it writes', async () => {
      const { back, other } = await start()
      await commit(other, setting('before', 1))
      const marks = (changes: readonly LogChange[]) => changes.map(({ key, seq }) => marking(key.tuple, seq))
      const decide = () => [setting('a', 1), deleting('none'), setting('b', 1)]
      await Promise.all([commit(back, setting('first', 1)), proposing(back, { marks, decide })])
      expect(await allMarks(other)).toEqual([
        ['a', 3],
        ['b', 4],
      ])
      await proposing(back, { marks, decide: () => [deleting('none')] })
      const reads = [StoreKey.of('a')]
      await proposing(back, { marks, reads, decide: ([a]) => [setting('b', a?.version)] })
      expect(await allMarks(other)).toEqual([
        ['a', 3],
        ['b', 5],
      ])
    })

    it('writes neither when its marks cannot be said, and its neighbours are not affected', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      const told: number[] = []
      back.onCommit((commits) => told.push(...commits.map(({ asOf }) => asOf)))
      const marks = (): never => {
        throw new Error('not now')
      }
      const lease = await granted(back, 'a')
      const outcomes = await Promise.allSettled([
        proposing(back, { marks, lease, decide: () => [setting('a', 2), setting('b', 2)] }),
        proposing(back, { marks: [marking('c', 3)], decide: () => [setting('c', 3)] }),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
      expect([await allMarks(back), await valueOf(back, 'a'), told]).toEqual([[['c', 3]], 1, [2]])
      await proposing(back, { lease })
    })

    it('writes neither when its decision throws, and its neighbours are not affected', async () => {
      const { back } = await start()
      const refuse = (): never => {
        throw new Error('not now')
      }
      const outcomes = await Promise.allSettled([
        proposing(back, { marks: [marking('a', 1)], decide: () => [setting('a', 1)] }),
        proposing(back, { marks: [marking('a', 2), marking('b', 2)], decide: refuse }),
        proposing(back, { marks: [marking('a', 3), marking('b', 3)], reads: [StoreKey.of('a')], decide: refuse }),
        proposing(back, {
          marks: [marking('c', 4)],
          reads: [StoreKey.of('a')],
          decide: ([a]) => [setting('c', a?.payload.decode())],
        }),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
      expect([await allMarks(back), await valueOf(back, 'c')]).toEqual([
        [
          ['a', 1],
          ['c', 4],
        ],
        1,
      ])
    })

    it('writes neither once its lease has ended', async () => {
      const { back, other, clock } = await start()
      const lease = await granted(back, 'lane')
      const advance = (n: number): Promise<unknown> =>
        proposing(back, { lease, keepLease: true, marks: [marking('o', n)], decide: () => [setting('sum', n)] })
      await advance(1)
      clock.step(HOUR)
      const taken = await granted(other, 'lane')
      await expect(advance(2)).rejects.toMatchObject({ code: 'LEASE_LOST', key: 'lane' })
      await proposing(other, { lease: taken, keepLease: true, marks: [marking('o', 10)] })
      await expect(advance(3)).rejects.toMatchObject({ code: 'LEASE_LOST' })
      expect([await marksAt(back, 'o'), await valueOf(back, 'sum'), await back.log.head()]).toEqual([[10], 1, 1])
    })

    it('moves an offset and its effect together, as who reads meanwhile sees', async () => {
      const { back, other } = await start()
      const racing: Promise<unknown>[] = []
      for (let i = 1; i <= 40; i++) {
        racing.push(proposing(back, { marks: [marking('o', i)], decide: () => [setting('n', i)] }))
        // Whatever is read second is no older.
        racing.push(
          marksAt(other, 'o').then(async ([o = 0]) =>
            expect((await valueOf(other, 'n')) ?? 0).toBeGreaterThanOrEqual(o as number),
          ),
        )
        racing.push(
          valueOf(other, 'n').then(async (n = 0) =>
            expect((await marksAt(other, 'o'))[0] ?? 0).toBeGreaterThanOrEqual(n as number),
          ),
        )
        if (i % 4 === 0) await Promise.all(racing)
      }
      await Promise.all(racing)
    })
  })

  describe('a commit that keeps its lease', () => {
    it('finds it held the next time, also when it writes that very key', async () => {
      const { back } = await start()
      const lease = await granted(back, 'k')
      for (const write of [setting('k', 1), setting('other', 1), deleting('k'), deleting('k')]) {
        await proposing(back, { lease, keepLease: true, decide: () => [write] })
      }
      expect(await back.leases.renew(lease, HOUR)).toBe(true)
      expect((await back.leases.acquire(lease.key, HOUR)).lease).toBeUndefined()
      await proposing(back, { lease, decide: () => [setting('k', 2)] })
      await expect(proposing(back, { lease, keepLease: true })).rejects.toMatchObject(LOST)
    })

    it('ends the leases of the other keys that it writes', async () => {
      const { back, other } = await start()
      const [lease, another] = [await granted(back, 'lane'), await granted(other, 'k')]
      await proposing(back, { lease, keepLease: true, decide: () => [setting('k', 1)] })
      await expect(proposing(other, { lease: another })).rejects.toMatchObject(LOST)
      expect(await back.leases.renew(lease, HOUR)).toBe(true)
    })

    it('loses it to whoever else writes the key', async () => {
      const { back, other } = await start()
      const lease = await granted(back, 'k')
      await proposing(back, { lease, keepLease: true, decide: () => [setting('k', 1)] })
      await commit(other, deleting('k'))
      const late = { lease, keepLease: true, marks: [marking('o', 1)], decide: () => [setting('k', 2)] }
      await expect(proposing(back, late)).rejects.toMatchObject(LOST)
      expect([await allMarks(back), await valueOf(back, 'k')]).toEqual([[], undefined])
    })
  })
}
