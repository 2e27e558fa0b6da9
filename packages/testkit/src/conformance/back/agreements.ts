import { type Back, type FrontAgreement, NO_AGREEMENT } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'

export function describeAgreements(start: StartBacks): void {
  describe('an agreement about a front', () => {
    it('is none at first, and is sampled with the head of the log', async () => {
      const { back } = await start()
      expect(await back.agreements.sample('redis')).toEqual({ head: 0, agreement: NO_AGREEMENT })
      await commit(back, setting('a', 1), setting('b', 1))
      expect(await back.agreements.sample('redis')).toEqual({ head: 2, agreement: NO_AGREEMENT })
    })

    it('is changed in part, each time for a higher term, and is no change of the log', async () => {
      const { back, other } = await start()
      await commit(back, setting('a', 1))
      const first = { epoch: 'e1', server: 's1', term: 1, suspended: false, maxStaleMs: 0, waitMs: 0 }
      expect(await back.agreements.change('redis', 0, { epoch: 'e1', server: 's1' })).toEqual(sampleOf(1, first))
      const second = { ...first, term: 2, suspended: true }
      expect(await other.agreements.change('redis', 1, { suspended: true })).toEqual(sampleOf(1, second))
      const third = { ...first, term: 3, server: 's2' }
      expect(await back.agreements.change('redis', 2, { suspended: false, server: 's2' })).toEqual(sampleOf(1, third))
      for (const one of [back, other]) {
        expect(await one.agreements.sample('redis')).toEqual(sampleOf(1, third))
        expect(await one.agreements.sample('another')).toEqual(sampleOf(1, NO_AGREEMENT))
        expect(await one.log.head()).toBe(1)
      }
    })

    it('has a bound that shrinks, and a wait that only shrinks when it is told to, and never below it', async () => {
      const { back, other } = await start()
      const first = { epoch: '', server: 's1', term: 1, suspended: false, maxStaleMs: 300.5, waitMs: 300.5 }
      expect(await back.agreements.change('redis', 0, { server: 's1', maxStaleMs: 300.5 })).toEqual(sampleOf(0, first))
      const second = { ...first, term: 2, server: 's2', maxStaleMs: 200 }
      const smaller = { server: 's2', maxStaleMs: 200 }
      expect(await other.agreements.change('redis', 1, smaller)).toEqual(sampleOf(0, second))
      expect((await commit(other, setting('a', 1))).agreements.get('redis')).toEqual(second)
      const third = { ...second, term: 3, waitMs: 200 }
      expect(await back.agreements.change('redis', 2, { waitMs: 100 })).toEqual(sampleOf(1, third))
      const fourth = { ...third, term: 4, maxStaleMs: 250, waitMs: 250 }
      expect(await other.agreements.change('redis', 3, { maxStaleMs: 250 })).toEqual(sampleOf(1, fourth))
      expect(await back.agreements.sample('redis')).toEqual(sampleOf(1, fourth))
      expect((await commit(back, setting('a', 2))).agreements.get('redis')).toEqual(fourth)
    })

    it('stays as it is for who knew an older term, or one that never was, and is told to them', async () => {
      const { back, other } = await start()
      await back.agreements.change('redis', 0, { epoch: 'e1' })
      const { agreement } = await back.agreements.change('redis', 1, { epoch: 'e2' })
      for (const term of [0, 1, 3]) {
        expect(await other.agreements.change('redis', term, { epoch: 'late' })).toEqual(sampleOf(0, agreement))
      }
      expect((await back.agreements.sample('redis')).agreement).toEqual(agreement)
    })

    it('keeps its term when nothing of it changes', async () => {
      const { back } = await start()
      expect(await back.agreements.change('redis', 0, {})).toEqual(sampleOf(0, NO_AGREEMENT))
      const { agreement } = await back.agreements.change('redis', 0, { epoch: 'e1' })
      expect(await back.agreements.change('redis', 1, { epoch: 'e1', suspended: false })).toEqual(
        sampleOf(0, agreement),
      )
    })

    it('goes to exactly one of those who change it at the same time', async () => {
      const { back, other } = await start()
      for (let term = 0; term < 20; term++) {
        const samples = await Promise.all(
          Array.from({ length: 6 }, (_, i) =>
            (i % 2 === 0 ? back : other).agreements.change('redis', term, { epoch: `${term} ${i}` }),
          ),
        )
        const [first] = samples
        expect(first!.agreement.term).toBe(term + 1)
        expect(samples).toEqual(samples.map(() => first))
      }
    })

    it('stands in every commit as it was in the commit’s own transaction', async () => {
      const { back, other, clock } = await start()
      await commit(back, setting('gone', 1, { expiresAt: Math.ceil(clock.now()) + 1_000 }))
      const [before, , between, , after] = await Promise.all([
        commit(back, setting('a', 1)),
        back.agreements.change('redis', 0, { epoch: 'e1' }),
        commit(back, deleting('none')),
        back.agreements.change('redis', 1, { epoch: 'e2' }),
        commit(back, setting('a', 2)),
      ])
      const epochs = (agreements: ReadonlyMap<string, FrontAgreement>): unknown[] =>
        Array.from(agreements, ([front, { epoch, term }]) => [front, epoch, term])
      expect([before, between, after].map(({ agreements }) => epochs(agreements))).toEqual([
        [],
        [['redis', 'e1', 1]],
        [['redis', 'e2', 2]],
      ])
      expect(epochs((await commit(other, setting('a', 3))).agreements)).toEqual([['redis', 'e2', 2]])
      await other.agreements.change('redis', 2, { epoch: 'e3' })
      await other.agreements.change('second', 0, { epoch: 'f1' })
      const now = new Set([
        ['redis', 'e3', 3],
        ['second', 'f1', 1],
      ])
      expect(new Set(epochs((await commit(back, setting('a', 4))).agreements))).toEqual(now)
      clock.step(10_000)
      const expired = await back.expire(10)
      expect(expired.changes).toHaveLength(1)
      expect(new Set(epochs(expired.agreements))).toEqual(now)
    })

    it('is answered with the head of its own place among the commits', async () => {
      const { back } = await start()
      const [, { head }] = await Promise.all([
        commit(back, setting('a', 1), setting('b', 1)),
        back.agreements.change('redis', 0, { epoch: 'e1' }),
        commit(back, setting('a', 2)),
      ])
      expect(head).toBe(2)
      expect((await back.agreements.sample('redis')).head).toBe(3)
    })

    it('survives a proposal beside it that throws', async () => {
      const { back } = await start()
      const [, failed] = await Promise.allSettled([
        back.agreements.change('redis', 0, { epoch: 'e1' }),
        refuse(back),
        back.agreements.change('redis', 1, { epoch: 'e2' }),
      ])
      expect(failed.status).toBe('rejected')
      expect((await back.agreements.sample('redis')).agreement).toMatchObject({ epoch: 'e2', term: 2 })
    })
  })
}

function sampleOf(head: number, agreement: FrontAgreement): object {
  return { head, agreement }
}

function refuse(back: Back): Promise<unknown> {
  return back.commit({
    reads: [],
    decide: () => {
      throw new Error('not this one')
    },
  })
}
