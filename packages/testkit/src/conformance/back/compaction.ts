import { type Back, CompactedError, type CompactOptions, type LogPage, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'

export function describeCompaction(start: StartBacks): void {
  describe('compaction', () => {
    it('removes the oldest changes, moves the floor, and touches nothing else', async () => {
      const { back, other } = await start()
      await commits(back, 3, 2, 4)
      expect(await back.compaction.compact({ upTo: 5, limit: 10 })).toEqual({ floor: 5, removed: 5, done: true })
      for (const each of [back, other]) {
        expect([await each.log.floor(), await each.log.head()]).toEqual([5, 9])
        const refused: unknown = await each.log.read({ after: 4, limit: 10 }).catch((error: unknown) => error)
        expect(refused).toBeInstanceOf(CompactedError)
        expect(refused).toMatchObject({ code: 'LOG_COMPACTED', floor: 5, head: 9 })
        expect(seqsOf(await each.log.read({ after: 5, limit: 10 }))).toEqual([6, 7, 8, 9])
        expect([await valueOf(each, ['n', 0]), await valueOf(each, ['n', 3])]).toEqual([4, 4])
      }
      expect((await commit(other, setting(['n', 3], 5))).changes).toMatchObject([{ seq: 10, prevVersion: 9 }])
    })

    it.each([
      [
        { upTo: 9, limit: 4 },
        { floor: 3, removed: 3, done: false },
      ],
      [
        { upTo: 9, limit: 5 },
        { floor: 5, removed: 5, done: false },
      ],
      [
        { upTo: 4, limit: 9 },
        { floor: 3, removed: 3, done: true },
      ],
      // The first commit goes as a whole, or stays.
      [
        { upTo: 9, limit: 1 },
        { floor: 3, removed: 3, done: false },
      ],
      [
        { upTo: 2, limit: 9 },
        { floor: 0, removed: 0, done: true },
      ],
      [
        { upTo: 0, limit: 9 },
        { floor: 0, removed: 0, done: true },
      ],
      [
        { upTo: 99, limit: 99 },
        { floor: 9, removed: 9, done: true },
      ],
    ])('splits no commit: %j', async (options, outcome) => {
      const { back } = await start()
      await commits(back, 3, 2, 4)
      expect(await back.compaction.compact(options)).toEqual(outcome)
      const { changes } = await back.log.read({ after: outcome.floor, limit: 99 })
      expect(changes).toHaveLength(9 - outcome.floor)
      expect(changes[0]?.first ?? 10).toBe(outcome.floor + 1)
    })

    it('goes on where it stopped, in steps, and never backwards', async () => {
      const { back, other } = await start()
      await commits(back, ...Array.from({ length: 40 }, (_, i) => 1 + (i % 3)))
      const head = await back.log.head()
      let floor = 0
      for (let i = 0; ; i++) {
        const step = await (i % 2 === 0 ? back : other).compaction.compact({ upTo: head, limit: 7 })
        expect(step.removed).toBe(step.floor - floor)
        expect(step.removed).toBeLessThanOrEqual(7)
        floor = step.floor
        if (step.done) break
        expect(step.removed).toBeGreaterThan(0)
      }
      expect([floor, await back.log.floor(), await back.log.head()]).toEqual([head, head, head])
      expect(await back.log.read({ after: head, limit: 1 })).toEqual({ changes: [], head })
      for (const upTo of [0, 5, head]) {
        expect(await back.compaction.compact({ upTo, limit: 5 })).toEqual({ floor: head, removed: 0, done: true })
      }
      expect((await commit(back, setting('next', 1))).changes).toMatchObject([{ seq: head + 1 }])
      expect(seqsOf(await other.log.read({ after: head, limit: 5 }))).toEqual([head + 1])
    })

    it('gives who reads meanwhile everything behind their position, or says that it cannot', async () => {
      const { back, other } = await start()
      await commits(back, ...Array.from({ length: 60 }, (_, i) => 1 + (i % 4)))
      const outcomes = { whole: 0, refused: 0 }
      const look = async (log: Back['log'], after: number): Promise<void> => {
        try {
          const page = await log.read({ after, limit: 1_000 })
          expect(seqsOf(page)).toEqual(Array.from({ length: page.head - after }, (_, i) => after + i + 1))
          outcomes.whole += 1
        } catch (error) {
          expect(error).toBeInstanceOf(CompactedError)
          expect((error as CompactedError).floor).toBeGreaterThan(after)
          outcomes.refused += 1
        }
      }
      for (let round = 0; round < 30; round++) {
        await Promise.all([
          look(back.log, 3 * round),
          back.compaction.compact({ upTo: 4 * round, limit: 5 }),
          commit(other, setting('a', round), setting('b', round)),
          look(other.log, 3 * round),
          other.compaction.compact({ upTo: 4 * round, limit: 5 }),
          look(back.log, 3 * round),
        ])
        await look(other.log, 4 * round)
      }
      expect(outcomes.whole).toBeGreaterThan(0)
      expect(outcomes.refused).toBeGreaterThan(0)
    })

    it('says how much the changes take, and gives back what it can', async () => {
      const { back } = await start()
      for (const length of [10, 1_000, 100_000]) await commit(back, setting('a', 'x'.repeat(length)))
      const { compaction } = back
      const sizes = await Promise.all([0, 1, 2].map((after) => compaction.sizeOf(after, after + 1)))
      for (const [i, length] of [10, 1_000, 100_000].entries()) {
        expect(sizes[i]).toBeGreaterThan(length)
        expect(sizes[i]).toBeLessThan(length + 200)
      }
      expect(await compaction.sizeOf(0, 99)).toBe(sizes[0]! + sizes[1]! + sizes[2]!)
      expect(await compaction.sizeOf(3, 3)).toBe(0)
      await compaction.compact({ upTo: 3, limit: 2 })
      expect(await compaction.sizeOf(0, 99)).toBe(sizes[2])
      await compaction.compact({ upTo: 3, limit: 2, keepLatest: true })
      // What is kept below the floor takes room too.
      expect(await compaction.sizeOf(0, 99)).toBe(sizes[2])
      for (let i = 0; await compaction.reclaim(4_096); i++) expect(i).toBeLessThan(1_000)
      expect(await valueOf(back, 'a')).toHaveLength(100_000)
    })

    it.each([
      ['upTo', { upTo: -1, limit: 1 }],
      ['upTo', { upTo: Number.NaN, limit: 1 }],
      ['limit', { upTo: 1, limit: 0 }],
      ['limit', { upTo: 1, limit: 0.5 }],
    ] satisfies [string, CompactOptions][])('refuses a wrong %s: %j', async (name, options) => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      await expect(back.compaction.compact(options)).rejects.toThrow(name)
      await expect(back.compaction.sizeOf(-1, 1)).rejects.toThrow(RangeError)
      await expect(back.compaction.reclaim(0)).rejects.toThrow(RangeError)
      expect((await back.log.at([1]))[0]!.key).toEqual(StoreKey.of('a'))
    })
  })
}

/** One commit of each of these sizes, over the same keys. */
async function commits(back: Back, ...sizes: readonly number[]): Promise<void> {
  for (const size of sizes) {
    await commit(back, ...Array.from({ length: size }, (_, i) => setting(['n', i], size)))
  }
}

function seqsOf({ changes }: LogPage): readonly number[] {
  return changes.map(({ seq }) => seq)
}
