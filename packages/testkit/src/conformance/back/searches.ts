import { type Back, StoreKey } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'
import { proposing } from './marked.ts'

const DAY = 86_400_000

export function describeSearches(start: StartBacks): void {
  describe('a search of the log', () => {
    it('by seq gives the changes in the order of the seqs', async () => {
      const { back, other } = await start()
      expect(await back.log.at([0, 1])).toEqual([undefined, undefined])
      await commit(back, setting('a', 1, { meta: 'm' }), deleting('a'))
      await commit(back, setting('b', { n: 1 }))
      const { changes } = await back.log.read({ after: 0, limit: 9 })
      const at = await other.log.at([3, 1, 4, 2, 0, 3])
      expect(at).toEqual([changes[2], changes[0], undefined, changes[1], undefined, changes[2]])
      expect(at[0]!.payload!.decode()).toEqual({ n: 1 })
      expect(await back.log.at([])).toEqual([])
      await back.compaction.compact({ upTo: 2, limit: 9 })
      expect(await other.log.at([3, 2])).toEqual([changes[2], undefined])
    })

    it('by time gives the last change before it, also among many of one time', async () => {
      const { back, other, clock } = await start()
      expect([await back.log.seqBefore(0), await back.log.seqBefore(Infinity)]).toEqual([0, 0])
      const zero = Math.ceil(clock.now()) + DAY
      const times = [0, 0, 5, 5, 5, 9]
      for (const time of times) await dated(back, zero + time, 2)
      const before = (...at: number[]): Promise<unknown[]> =>
        Promise.all(at.map((time) => other.log.seqBefore(zero + time)))
      expect(await before(-1, 0, 1, 4, 5, 6, 9, 10, Infinity)).toEqual([0, 0, 4, 4, 4, 10, 10, 12, 12])
      await back.compaction.compact({ upTo: 4, limit: 9 })
      // What was committed before 5 may have been the last of what is gone, or one before it.
      expect(await before(0, 5, 6, 10)).toEqual([undefined, undefined, 10, 12])
      await back.compaction.compact({ upTo: 12, limit: 99 })
      expect(await before(6, 9, 10, Infinity)).toEqual([undefined, undefined, 12, 12])
    })

    it('by time agrees with looking at every change', async () => {
      const { back, clock } = await start()
      let time = Math.ceil(clock.now()) + DAY
      const first = time
      const dates: number[] = []
      const step = fc.record({ wait: fc.nat(3), size: fc.integer({ min: 1, max: 3 }), compact: fc.nat(4) })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 5 }), async (steps) => {
          for (const { wait, size, compact } of steps) {
            time += wait
            for (const { at } of (await dated(back, time, size)).changes) dates.push(at)
            if (compact === 0) await back.compaction.compact({ upTo: dates.length - 5, limit: 20 }).catch(() => {})
          }
          const floor = await back.log.floor()
          for (let at = first; at <= time + 1; at++) {
            const last = dates.findLastIndex((date) => date < at) + 1
            expect(await back.log.seqBefore(at)).toBe(
              last > floor || floor === 0 ? last : last === dates.length ? last : undefined,
            )
          }
        }),
        { numRuns: 20 },
      )
    })

    it('by key gives its changes, the newest first, as far as they are asked for', async () => {
      const { back, other } = await start()
      await commit(back, setting('k', 1), setting('other', 1), setting('k', 2))
      await commit(back, deleting('k'), setting(['k', 1], 1))
      await commit(back, deleting('k'))
      await commit(back, setting('k', 3))
      const all = await back.log.at([6, 4, 3, 1])
      const history = (limit: number, before?: number): Promise<unknown> =>
        other.log.changesOf(StoreKey.of('k'), { limit, before })
      expect(await history(9)).toEqual({ changes: all, end: 'start' })
      expect(await history(3)).toEqual({ changes: all.slice(0, 3), end: 'limit' })
      expect(await history(1, 6)).toEqual({ changes: all.slice(1, 2), end: 'limit' })
      expect(await history(9, 4)).toEqual({ changes: all.slice(2), end: 'start' })
      expect(await history(9, 1)).toEqual({ changes: [], end: 'start' })
      expect(await history(9, 99)).toEqual({ changes: all, end: 'start' })
      expect(await other.log.changesOf(StoreKey.of('none'), { limit: 1 })).toEqual({ changes: [], end: 'start' })
      expect((await other.log.changesOf(StoreKey.of(['k', 1]), { limit: 9 })).changes.map(({ seq }) => seq)).toEqual([
        5,
      ])
    })

    it('by key finds what lies far behind, and what comes before a key’s beginning', async () => {
      const { back } = await start()
      const noise = (): Promise<unknown> =>
        commit(back, ...Array.from({ length: 5_000 }, (_, i) => setting(['n', i], 1)))
      await commit(back, setting('k', 1))
      await noise()
      await commit(back, deleting('k'))
      await noise()
      await commit(back, setting('k', 2))
      const seqs = async (before?: number): Promise<unknown> => {
        const { changes, end } = await back.log.changesOf(StoreKey.of('k'), { limit: 9, before })
        return [changes.map(({ seq }) => seq), end]
      }
      expect(await seqs()).toEqual([[10_003, 5_002, 1], 'start'])
      expect(await seqs(9_000)).toEqual([[5_002, 1], 'start'])
      await back.compaction.compact({ upTo: 1, limit: 1 })
      expect(await seqs()).toEqual([[10_003, 5_002], 'floor'])
    })

    it('by key can be given up', async () => {
      const { back } = await start()
      const reason = new Error('enough')
      const key = StoreKey.of('k')
      await commit(back, setting('a', 1))
      await expect(back.log.changesOf(key, { limit: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      await expect(back.log.changesOf(key, { limit: 0 })).rejects.toThrow('limit')
    })
  })
}

/** A commit of so many changes at this time, or the latest one before, whatever is later. */
function dated(back: Back, notBefore: number, size: number): ReturnType<Back['commit']> {
  return proposing(back, { notBefore, decide: () => Array.from({ length: size }, (_, i) => setting(['d', i], size)) })
}
