import { ALL_KEYS, type Back, type LeaseGrant, prefixRange, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'
import { granted, HOUR, LOST, under } from './leased.ts'

const KEY = StoreKey.of('k')

/** What ends the lease of a key, whoever does it. */
const ENDINGS: Readonly<Record<string, (back: Back) => Promise<unknown>>> = {
  'a write': (back) => commit(back, setting('k', 'theirs')),
  'a deletion': (back) => commit(back, setting('k', 1), deleting('k')),
  'a deletion of what does not exist': (back) => commit(back, deleting('k')),
  'a decision that writes it': (back) => back.commit({ reads: [KEY], decide: () => [setting('k', 'theirs')] }),
  'a decision that deletes what does not exist': (back) => back.commit({ reads: [KEY], decide: () => [deleting('k')] }),
  'the end of every lease in its range': (back) => back.leases.endRange(prefixRange('k')),
  'the end of every lease': (back) => back.leases.endRange(ALL_KEYS),
  'a commit under another lease that writes it too': async (back) => {
    const lease = await granted(back, 'another')
    await under(back, lease, setting('another', 1), setting('k', 'theirs'))
  },
}

export function describeLeaseEndings(start: StartBacks): void {
  describe('the commit that a lease is for', () => {
    it('lets its holder commit, once', async () => {
      const { back, other } = await start()
      const lease = await granted(back, 'k')
      expect(await under(back, lease, setting('k', 'mine'))).toMatchObject({ changes: [{ seq: 1 }] })
      await expect(under(back, lease, setting('k', 'again'))).rejects.toMatchObject(LOST)
      expect(await valueOf(back, 'k')).toBe('mine')
      await granted(other, 'k')
    })

    it('ends with the commit that names it, whatever that writes', async () => {
      const { back, other } = await start()
      await under(back, await granted(back, 'k'))
      await under(other, await granted(other, 'k'), setting('another', 1))
      await granted(back, 'k')
    })

    it('stays when the holder’s decision throws', async () => {
      const { back } = await start()
      const lease = await granted(back, 'k')
      for (const reads of [[], [KEY]]) {
        const decide = (): never => {
          throw new Error('not now')
        }
        await expect(back.commit({ reads, lease, decide })).rejects.toThrow('not now')
      }
      await under(back, lease, setting('k', 1))
    })

    it.each(Object.keys(ENDINGS))('is ended by %s', async (name) => {
      const { back, other } = await start()
      const lease = await granted(back, 'k')
      await ENDINGS[name]!(other)
      const value = await valueOf(back, 'k')
      await expect(under(back, lease, setting('k', 'loaded before'))).rejects.toMatchObject(LOST)
      expect(await back.leases.renew(lease, HOUR)).toBe(false)
      expect(await valueOf(back, 'k')).toEqual(value)
      await granted(back, 'k')
    })

    it('outlives the expiry of what was there', async () => {
      const { back, other, clock } = await start()
      await commit(back, setting('k', 1, { expiresAt: Math.ceil(clock.now()) + 1 }))
      clock.step(1_000)
      const lease = await granted(back, 'k')
      expect((await other.expire(10)).changes).toHaveLength(1)
      await under(back, lease, setting('k', 2))
      expect(await valueOf(back, 'k')).toBe(2)
    })

    it('is ended by what comes right after the lease was given, in the same turn', async () => {
      const { back } = await start()
      const [grant] = await Promise.all([back.leases.acquire(KEY, HOUR), commit(back, deleting('k'))])
      await expect(under(back, grant.lease!, setting('k', 1))).rejects.toMatchObject(LOST)
    })

    it('is ended, and is taken, by what stands before the commit in the same turn', async () => {
      const { back } = await start()
      const lease = await granted(back, 'k')
      const [, refusal, grant] = await Promise.allSettled([
        commit(back, deleting('k')),
        under(back, lease, setting('k', 1)),
        back.leases.acquire(KEY, HOUR),
        back.leases.acquire(KEY, HOUR),
      ])
      expect(refusal).toMatchObject({ status: 'rejected', reason: LOST })
      const next = (grant as PromiseFulfilledResult<LeaseGrant>).value.lease!
      const [mine, theirs] = await Promise.all([under(back, next, setting('k', 2)), commit(back, setting('k', 3))])
      expect([mine.asOf, theirs.asOf]).toEqual([1, 2])
    })

    it('does not care about other keys', async () => {
      const { back, other } = await start()
      const lease = await granted(back, 'k')
      await commit(other, setting('kk', 1), deleting(['k', 1]))
      await back.expire(10)
      await other.leases.endRange(prefixRange(['k', 1]))
      await under(back, lease, setting('k', 1))
    })
  })
}
