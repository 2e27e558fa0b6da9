import { type Commit, StoreKey, type Write } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { BackUnderTest, StartBack } from './back-suite.ts'

export function describeGroups(start: StartBack): void {
  describe('concurrent commits', () => {
    it('share one transaction when asked for in one turn, and stay apart in the log', async () => {
      const { back } = await start()
      const groups: (readonly Commit[])[] = []
      back.onCommit((commits) => groups.push(commits))
      const done = await Promise.all(
        Array.from({ length: 20 }, (_, i) => commit(back, setting(['a', i], i), setting(['b', i], i))),
      )
      expect(groups).toHaveLength(1)
      expect(groups[0]).toHaveLength(20)
      expect(done.map(({ changes }) => changes.map(({ seq, first, last }) => [seq - first, last - first]))).toEqual(
        done.map(() => [
          [0, 1],
          [1, 1],
        ]),
      )
      expect(done.map(({ changes }) => changes[0]!.seq)).toEqual(done.map((_, i) => 1 + 2 * i))
    })

    it('decide one after the other, each on what the one before has written', async () => {
      const { back } = await start()
      await Promise.all(Array.from({ length: 100 }, () => increment(back, 'counter')))
      expect(await valueOf(back, 'counter')).toBe(100)
      expect((await back.readOne(StoreKey.of('counter'))).entry!.version).toBe(100)
    })

    it('lose no update among mixed keys, blind writes and deletions', async () => {
      const { back } = await start()
      const total = 30
      const rounds = Array.from({ length: total }, (_, i) => [
        increment(back, ['counter', i % 3]),
        commit(back, setting('noise', i)),
        increment(back, ['counter', (i + 1) % 3]),
        commit(back, deleting('noise')),
      ])
      await Promise.all(rounds.flat())
      const counts = await Promise.all([0, 1, 2].map((i) => valueOf(back, ['counter', i])))
      expect(counts).toEqual([20, 20, 20])
      expect(await valueOf(back, 'noise')).toBeUndefined()
    })

    it('fail alone when their decision throws: nothing of them is written, and the others are', async () => {
      const { back } = await start()
      const refusal = new Error('not this one')
      const [before, failed, after] = await Promise.allSettled([
        commit(back, setting('a', 1)),
        back.commit({
          reads: [StoreKey.of('a')],
          decide: () => {
            throw refusal
          },
        }),
        commit(back, setting('b', 1)),
      ])
      expect(before).toMatchObject({ status: 'fulfilled', value: { changes: [{ seq: 1 }] } })
      expect(failed).toMatchObject({ status: 'rejected' })
      expect((failed as PromiseRejectedResult).reason).toBe(refusal)
      expect(after).toMatchObject({ status: 'fulfilled', value: { changes: [{ seq: 2 }] } })
      expect(await back.log.head()).toBe(2)
    })

    it('are seen whole by readers that race them', async () => {
      const { back } = await start()
      const keys = [StoreKey.of('left'), StoreKey.of('right')]
      const racing: Promise<unknown>[] = []
      const seen: unknown[][] = []
      for (let i = 1; i <= 50; i++) {
        racing.push(commit(back, setting('left', i), setting('right', i)))
        racing.push(back.read(keys).then((found) => seen.push(found.map(({ entry }) => entry?.payload.decode()))))
        if (i % 5 === 0) await Promise.all(racing)
      }
      await Promise.all(racing)
      expect(seen).toHaveLength(50)
      for (const [left, right] of seen) expect(left).toBe(right)
    })
  })
}

function increment(back: BackUnderTest['back'], key: string | readonly [string, number]): Promise<Commit> {
  return back.commit({
    reads: [StoreKey.of(key)],
    decide: ([current]): readonly Write[] => [
      setting(key, ((current?.payload.decode() as number | undefined) ?? 0) + 1),
    ],
  })
}
