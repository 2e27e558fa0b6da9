import { type Back, type Commit, type Lease, type LeaseGrant, StoreKey, type Write } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { BacksUnderTest, StartBacks } from './back-suite.ts'

const HOUR = 3_600_000
const KEY = StoreKey.of('k')
const LOST = { code: 'LEASE_LOST', key: 'k', retryable: false }

/** What ends the lease of a key, whoever does it. */
const ENDINGS: Readonly<Record<string, (back: Back, clock: BacksUnderTest['clock']) => Promise<unknown>>> = {
  'a write': (back) => commit(back, setting('k', 'theirs')),
  'a deletion': (back) => commit(back, setting('k', 1), deleting('k')),
  'a deletion of what does not exist': (back) => commit(back, deleting('k')),
  'a decision that writes it': (back) => back.commit({ reads: [KEY], decide: () => [setting('k', 'theirs')] }),
  'a decision that deletes what does not exist': (back) => back.commit({ reads: [KEY], decide: () => [deleting('k')] }),
  'a commit under another lease that writes it too': async (back) => {
    const lease = await granted(back, 'another')
    await under(back, lease, setting('another', 1), setting('k', 'theirs'))
  },
}

export function describeLeases(start: StartBacks): void {
  describe('a lease', () => {
    it('is held by one, while the others are told for how long at most', async () => {
      const { back, other } = await start()
      const lease = await granted(back, 'k')
      expect(lease.key.id).toBe('k')
      for (const one of [back, other]) {
        const { lease: none, remainingMs } = refused(await one.leases.acquire(KEY, 5))
        expect(none).toBeUndefined()
        expect(remainingMs).toBeGreaterThan(HOUR / 2)
        expect(remainingMs).toBeLessThanOrEqual(HOUR)
      }
      const another = await granted(other, 'other key')
      expect(another.token).toBeGreaterThan(lease.token)
    })

    it('goes to exactly one of those who ask at the same time', async () => {
      const { back, other } = await start()
      const grants = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? back : other).leases.acquire(KEY, HOUR)),
      )
      expect(grants.filter(({ lease }) => lease !== undefined)).toHaveLength(1)
    })

    it('is no change of the log', async () => {
      const { back } = await start()
      const lease = await granted(back, 'k')
      await back.leases.renew(lease, HOUR)
      await back.leases.release(lease)
      expect(await back.log.head()).toBe(0)
    })

    it('has a token higher than every earlier one of the store, however those ended', async () => {
      const { back, other, clock } = await start()
      const tokens: number[] = []
      const take = async (one: Back): Promise<Lease> => {
        const lease = await granted(one, 'k')
        tokens.push(lease.token)
        return lease
      }
      await back.leases.release(await take(back))
      await under(back, await take(back), setting('k', 1))
      await take(back)
      await commit(other, setting('k', 2))
      await take(other)
      clock.step(2 * HOUR)
      await take(other)
      await back.restored()
      await take(back)
      for (const [i, token] of tokens.entries()) expect(token).toBeGreaterThan(tokens[i - 1] ?? 0)
    })

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

    it('is taken over after its time, and the late holder’s commit is refused: alone, and without being asked', async () => {
      const { back, other, clock } = await start()
      const late = await granted(back, 'k')
      clock.step(HOUR)
      const next = await granted(other, 'k')
      expect(next.token).toBeGreaterThan(late.token)
      let asked = 0
      const [refusal, beside] = await Promise.allSettled([
        back.commit({ reads: [KEY], lease: late, decide: () => (asked++, [setting('k', 'late')]) }),
        commit(back, setting('beside', 1)),
      ])
      expect(refusal).toMatchObject({ status: 'rejected', reason: LOST })
      expect([beside.status, asked]).toEqual(['fulfilled', 0])
      await under(other, next, setting('k', 'theirs'))
      await expect(under(back, late, setting('k', 'later'))).rejects.toMatchObject(LOST)
      expect(await valueOf(back, 'k')).toBe('theirs')
    })

    it('that has run out is lost, also when nobody took it over', async () => {
      const { back, clock } = await start()
      const lease = await granted(back, 'k')
      clock.step(HOUR)
      await expect(under(back, lease, setting('k', 1))).rejects.toMatchObject(LOST)
      expect(await back.leases.renew(lease, HOUR)).toBe(false)
      expect(await valueOf(back, 'k')).toBeUndefined()
    })

    it.each(Object.keys(ENDINGS))('is ended by %s', async (name) => {
      const { back, other, clock } = await start()
      const lease = await granted(back, 'k')
      await ENDINGS[name]!(other, clock)
      const value = await valueOf(back, 'k')
      await expect(under(back, lease, setting('k', 'loaded before'))).rejects.toMatchObject(LOST)
      expect(await back.leases.renew(lease, HOUR)).toBe(false)
      expect(await valueOf(back, 'k')).toEqual(value)
      await granted(back, 'k')
    })

    it('is ended by the expiry of what was there', async () => {
      const { back, other, clock } = await start()
      await commit(back, setting('k', 1, { expiresAt: Math.ceil(clock.now()) + 1 }))
      clock.step(1_000)
      const lease = await granted(back, 'k')
      expect((await other.expire(10)).changes).toHaveLength(1)
      await expect(under(back, lease, setting('k', 2))).rejects.toMatchObject(LOST)
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
      await under(back, lease, setting('k', 1))
    })

    it('can be prolonged and given back, but only by its holder', async () => {
      const { back, other, clock } = await start()
      const first = await granted(back, 'k')
      clock.step(HOUR - 60_000)
      expect(await back.leases.renew(first, HOUR)).toBe(true)
      clock.step(HOUR - 60_000)
      expect((await other.leases.acquire(KEY, HOUR)).lease).toBeUndefined()
      await back.leases.release(first)
      const second = await granted(other, 'k')
      await back.leases.release(first)
      expect(await back.leases.renew(first, HOUR)).toBe(false)
      expect(await back.leases.renew({ key: StoreKey.of('never'), token: second.token }, HOUR)).toBe(false)
      await under(other, second, setting('k', 1))
    })

    it('does not come back with a clock that goes back', async () => {
      const { back, other, clock } = await start()
      const lease = await granted(back, 'k')
      clock.step(2 * HOUR)
      await commit(other, setting('k', 'theirs'))
      clock.step(-2 * HOUR)
      await expect(under(back, lease, setting('k', 'late'))).rejects.toMatchObject(LOST)
    })

    it('keeps nobody waiting for longer than was asked for, also when the clock went back', async () => {
      const { back, other, clock } = await start()
      await granted(back, 'k')
      clock.step(-10 * HOUR)
      expect(refused(await other.leases.acquire(KEY, HOUR)).remainingMs).toBeLessThanOrEqual(HOUR)
      clock.step(HOUR)
      await granted(other, 'k')
    })

    it.each([Number.NaN, -1, Infinity])('is not given for %s ms', async (ttlMs) => {
      const { back } = await start()
      await expect(back.leases.acquire(KEY, ttlMs)).rejects.toBeInstanceOf(RangeError)
      const lease = await granted(back, 'k')
      await expect(back.leases.renew(lease, ttlMs)).rejects.toBeInstanceOf(RangeError)
    })
  })
}

async function granted(back: Back, key: string): Promise<Lease> {
  const { lease } = await back.leases.acquire(StoreKey.of(key), HOUR)
  expect(lease).toBeDefined()
  return lease!
}

function refused(grant: LeaseGrant): Extract<LeaseGrant, { lease: undefined }> {
  if (grant.lease !== undefined) throw new Error('the lease was granted')
  return grant
}

function under(back: Back, lease: Lease, ...writes: readonly Write[]): Promise<Commit> {
  return back.commit({ reads: [], lease, decide: () => writes })
}
