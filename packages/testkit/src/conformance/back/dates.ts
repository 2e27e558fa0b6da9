import { StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'
import { proposing } from './marked.ts'

const DAY = 86_400_000

export function describeDates(start: StartBacks): void {
  describe('a commit that is to be dated no earlier than', () => {
    it('a time to come has that date, and so has what follows, here and elsewhere', async () => {
      const { back, other, clock } = await start()
      const notBefore = Math.ceil(clock.now()) + DAY
      const [before, dated, after] = await Promise.all([
        commit(back, setting('a', 1)),
        proposing(back, { notBefore, decide: () => [setting('b', 1), setting('c', 1)] }),
        commit(back, setting('d', 1)),
      ])
      const later = await commit(other, setting('e', 1))
      expect(before.changes[0]!.at).toBeLessThan(notBefore)
      const dates = [dated, after, later].flatMap(({ changes }) => changes.map(({ at }) => at))
      expect(dates).toEqual([notBefore, notBefore, notBefore, notBefore])
      expect((await other.readOne(StoreKey.of('c'))).entry!.writtenAt).toBe(notBefore)
      const { changes } = await other.log.read({ after: 0, limit: 10 })
      expect(changes.slice(1).map(({ at }) => at)).toEqual(dates)
      clock.step(2 * DAY)
      expect((await commit(back, setting('f', 1))).changes[0]!.at).toBeGreaterThanOrEqual(notBefore + DAY)
    })

    it('a time that has passed is dated as any', async () => {
      const { back, clock } = await start()
      const earliest = Math.floor(clock.now())
      const { changes } = await proposing(back, { notBefore: 1, decide: () => [setting('a', 1)] })
      expect(changes[0]!.at).toBeGreaterThanOrEqual(earliest)
      expect(changes[0]!.at).toBeLessThanOrEqual(clock.now())
    })

    it('a time to come lets no entry expire sooner', async () => {
      const { back, clock } = await start()
      const expiresAt = Math.ceil(clock.now()) + DAY / 2
      const notBefore = Math.ceil(clock.now()) + DAY
      await proposing(back, { notBefore, decide: () => [setting('a', 1, { expiresAt })] })
      expect((await back.expire(10)).changes).toEqual([])
      expect(await valueOf(back, 'a')).toBe(1)
    })

    it('a time to come moves no date when it fails, or changes nothing', async () => {
      const { back, clock } = await start()
      const notBefore = Math.ceil(clock.now()) + DAY
      const decide = (): never => {
        throw new Error('not now')
      }
      const lease = { key: StoreKey.of('k'), token: 1 }
      const outcomes = await Promise.allSettled([
        proposing(back, { notBefore, decide }),
        proposing(back, { notBefore, lease, decide: () => [setting('k', 1)] }),
        proposing(back, { notBefore, decide: () => [deleting('none')] }),
        commit(back, setting('a', 1)),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled'])
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes).toHaveLength(1)
      expect(changes[0]!.at).toBeLessThan(notBefore)
    })

    it.each([Number.NaN, 1.5, -1, Number.POSITIVE_INFINITY])('%d is refused', async (notBefore) => {
      const { back } = await start()
      await expect(proposing(back, { notBefore, decide: () => [setting('a', 1)] })).rejects.toThrow(/notBefore/)
      expect(await back.log.head()).toBe(0)
    })
  })
}
