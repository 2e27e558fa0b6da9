import { prefixRange, type SetWrite, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, setting, valueOf } from '../../writes.ts'
import type { StartBack } from './back-suite.ts'

export function describeStamped(start: StartBack): void {
  describe('a stamped write', () => {
    it('has the seq of its change as the last part of its key, and replaces nothing', async () => {
      const { back } = await start()
      await commit(back, setting(['log'], 'head'))
      const { changes } = await commit(back, stamped('log', 'a'), setting('b', 1), stamped('log', 'c'))
      expect(changes.map(({ key, seq, prevVersion }) => [key.tuple, seq, prevVersion])).toEqual([
        [['log', 2], 2, 0],
        [['b'], 3, 0],
        [['log', 4], 4, 0],
      ])
      expect(await valueOf(back, ['log', 2])).toBe('a')
      expect(await valueOf(back, ['log'])).toBe('head')
      const { changes: logged } = await back.log.read({ after: 1, limit: 10 })
      expect(logged.map(({ key, payload }) => [key.tuple, payload!.decode()])).toEqual([
        [['log', 2], 'a'],
        [['b'], 1],
        [['log', 4], 'c'],
      ])
    })

    it('stands in the order of the commits, whoever decides when', async () => {
      const { back } = await start()
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const decide = (): [SetWrite] => [stamped('log', i)]
          await back.commit({ reads: i % 2 === 0 ? [] : [StoreKey.of('log')], decide })
        }),
      )
      const range = prefixRange('log')
      const { entries } = await back.scan(range, { after: undefined, limit: 100, reverse: false })
      expect(entries.map(({ key }) => key.tuple[1])).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
      expect(entries.every(({ key, version }) => key.tuple[1] === version)).toBe(true)
    })

    it('ends a lease of the key that it was made for', async () => {
      const { back } = await start()
      const key = StoreKey.of('log')
      const { lease } = await back.leases.acquire(key, 60_000)
      await commit(back, stamped('log', 1))
      const late = back.commit({ reads: [], lease, decide: () => [setting('x', 1)] })
      await expect(late).rejects.toMatchObject({ code: 'LEASE_LOST' })
    })
  })

  describe('a value that is left out', () => {
    it('is in the entry, and not in the log, alone or among others', async () => {
      const { back } = await start()
      const { changes } = await commit(back, leftOut('a', 'large'))
      expect(changes).toMatchObject([{ seq: 1, leftOut: true }])
      await commit(back, setting('b', 1), leftOut('c', 'large'), setting('d', 2))
      for (const key of ['a', 'c']) expect(await valueOf(back, key)).toBe('large')
      const { changes: logged } = await back.log.read({ after: 0, limit: 10 })
      expect(logged.map(({ key, payload, leftOut }) => [key.id, payload?.decode(), leftOut])).toEqual(
        [
          ['a', undefined, true],
          ['b', 1, undefined],
          ['c', undefined, true],
          ['d', 2, undefined],
        ].map(([key, ...rest]) => [StoreKey.of(key as string).id, ...rest]),
      )
      const [again] = await back.log.at([3])
      expect(again).toMatchObject({ payload: undefined, leftOut: true })
      const { changes: keys } = await back.log.read({ after: 0, limit: 10, values: false })
      expect(keys.map(({ payload }) => payload)).toEqual([undefined, undefined, undefined, undefined])
    })
  })
}

function stamped(key: string, value: unknown): SetWrite {
  return { ...(setting(key, value) as SetWrite), stamped: true }
}

function leftOut(key: string, value: unknown): SetWrite {
  return { ...(setting(key, value) as SetWrite), leftOut: true }
}
