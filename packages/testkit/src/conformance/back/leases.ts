import { type Back, type Lease, type LeaseGrant, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'
import { granted, HOUR, LOST, under } from './leased.ts'

const KEY = StoreKey.of('k')

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

    it('ends in its time for whoever looks at it, however often the clock goes back', async () => {
      const { back, other, clock } = await start()
      const late = await granted(back, 'k')
      const left = async (): Promise<number> => (await other.leases.remaining([KEY]))[0]!
      clock.step(-10 * HOUR)
      expect(await left()).toBeGreaterThan(HOUR / 2)
      clock.pass(HOUR - 60_000)
      for (const step of [0, -10 * HOUR, -HOUR / 2]) {
        clock.step(step)
        expect(await left()).toBeGreaterThan(0)
        expect(await left()).toBeLessThanOrEqual(60_000)
      }
      expect(refused(await other.leases.acquire(KEY, HOUR)).remainingMs).toBeLessThanOrEqual(60_000)
      clock.step(-HOUR)
      clock.pass(60_000)
      expect(await left()).toBe(0)
      await under(other, await granted(other, 'k'), setting('k', 'theirs'))
      await expect(under(back, late, setting('k', 'late'))).rejects.toMatchObject(LOST)
    })

    it('is held by who renews it, however often the clock goes back, or while it stands', async () => {
      const { back, other, clock } = await start()
      const lease = await granted(back, 'k')
      for (const step of [0, -HOUR / 2, -HOUR / 2, -HOUR / 2, -10 * HOUR, -HOUR / 2 - 1, 5, -HOUR / 2, -HOUR / 2]) {
        expect((await other.leases.remaining([KEY]))[0]).toBeGreaterThan(0)
        clock.pass(HOUR / 2)
        clock.step(step)
        expect(await back.leases.renew(lease, HOUR)).toBe(true)
        expect((await other.leases.acquire(KEY, HOUR)).lease).toBeUndefined()
      }
      await under(back, lease, setting('k', 'mine'))
    })

    it('that was seen first while the clock was ahead has its time again when that is set right, and no more', async () => {
      const { back, other, clock } = await start()
      const lease = await granted(back, 'k')
      const left = async (): Promise<number> => (await other.leases.remaining([KEY]))[0]!
      clock.step(HOUR - 60_000)
      expect(await left()).toBeLessThanOrEqual(60_000)
      clock.step(60_000 - HOUR)
      clock.pass(120_000)
      expect(await left()).toBeGreaterThan(HOUR / 2)
      expect(await left()).toBeLessThanOrEqual(HOUR - 120_000)
      expect((await other.leases.acquire(KEY, HOUR)).lease).toBeUndefined()
      expect(await back.leases.renew(lease, HOUR)).toBe(true)
      clock.step(60_000 - HOUR)
      expect(await left()).toBeGreaterThan(HOUR / 2)
      clock.pass(HOUR)
      clock.step(-HOUR)
      expect(await left()).toBe(0)
      await granted(other, 'k')
    })

    it('is told to whoever asks, of any number of keys, until it ends in whatever way', async () => {
      const { back, other, clock } = await start()
      const keys = ['a', 'b', 'c', 'd', 'none'].map((key) => StoreKey.of(key))
      const free = async (): Promise<readonly boolean[]> =>
        (await other.leases.remaining(keys)).map((remainingMs) => remainingMs === 0)
      expect(await other.leases.remaining([])).toEqual([])
      const [a, b] = [await granted(back, 'a'), await granted(back, 'b')]
      await granted(back, 'c')
      await granted(back, 'd')
      for (const remainingMs of (await other.leases.remaining(keys)).slice(0, 4)) {
        expect(remainingMs).toBeGreaterThan(HOUR / 2)
        expect(remainingMs).toBeLessThanOrEqual(HOUR)
      }
      expect(await free()).toEqual([false, false, false, false, true])
      await back.leases.release(a)
      await under(back, b, setting('b', 1))
      await commit(other, deleting('c'))
      expect(await free()).toEqual([true, true, true, false, true])
      clock.step(-10 * HOUR)
      expect((await other.leases.remaining(keys))[3]).toBeLessThanOrEqual(HOUR)
      clock.step(11 * HOUR)
      expect(await free()).toEqual([true, true, true, true, true])
      await granted(other, 'd')
    })

    it.each([Number.NaN, -1, Infinity])('is not given for %s ms', async (ttlMs) => {
      const { back } = await start()
      await expect(back.leases.acquire(KEY, ttlMs)).rejects.toBeInstanceOf(RangeError)
      const lease = await granted(back, 'k')
      await expect(back.leases.renew(lease, ttlMs)).rejects.toBeInstanceOf(RangeError)
    })
  })
}

function refused(grant: LeaseGrant): Extract<LeaseGrant, { lease: undefined }> {
  if (grant.lease !== undefined) throw new Error('the lease was granted')
  return grant
}
