import { type Back, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'

/** What makes a store look at its log. */
const LOOKS: Readonly<Record<string, (back: Back) => unknown>> = {
  'log.head': (back) => back.log.head(),
  'log.read': (back) => back.log.read({ after: 0, limit: 1 }),
  'log.floor': (back) => back.log.floor(),
  'log.sync.head': (back) => back.log.sync?.head() ?? back.log.head(),
  'log.sync.read': (back) => back.log.sync?.read({ after: 1, limit: 1 }) ?? back.log.head(),
  'log.wait': (back) => back.log.wait(0, new AbortController().signal),
  'agreements.sample': (back) => back.agreements.sample('redis'),
  'a commit': (back) => commit(back, setting('a', 2)),
}

export function describeRestores(start: StartBacks): void {
  describe('a declared restore', () => {
    it('gives the log another epoch, and leaves values and log as they are', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      const { identity } = back.log
      await back.restored()
      expect(back.log.identity).toEqual({ id: identity.id, epoch: identity.epoch + 1 })
      expect(await valueOf(back, 'a')).toBe(1)
      expect(await commit(back, setting('a', 2))).toMatchObject({ changes: [{ seq: 2, prevVersion: 1 }] })
      expect((await back.log.read({ after: 0, limit: 10 })).changes).toHaveLength(2)
      await back.restored()
      expect(back.log.identity.epoch).toBe(identity.epoch + 2)
    })

    it.each(Object.keys(LOOKS))('is known elsewhere from the next look at the log on: %s', async (name) => {
      const { back, other } = await start()
      await commit(back, setting('a', 1))
      await LOOKS[name]!(other)
      await back.restored()
      await LOOKS[name]!(other)
      expect(other.log.identity).toEqual(back.log.identity)
    })

    it('wakes who waits for the log, here and elsewhere', async () => {
      const { back, other } = await start()
      const { signal } = new AbortController()
      const waiting = [back, other].map((one) => one.log.wait(100, signal))
      await back.restored()
      await Promise.all(waiting)
      expect(other.log.identity).toEqual(back.log.identity)
    })

    it('makes every front start anew, and nobody agree on what was known before', async () => {
      const { back, other } = await start()
      await back.agreements.change('one', 0, { epoch: 'e1', server: 's1', maxStaleMs: 300 })
      await back.agreements.change('one', 1, { suspended: true })
      await back.agreements.change('two', 0, { server: 's2' })
      await commit(other, setting('a', 1))
      await back.restored()
      const one = { epoch: '', server: 's1', term: 3, suspended: true, maxStaleMs: 300, waitMs: 300 }
      const two = { epoch: '', server: 's2', term: 2, suspended: false, maxStaleMs: 0, waitMs: 0 }
      expect(await other.agreements.sample('one')).toEqual({ head: 1, agreement: one })
      expect(await other.agreements.change('one', 2, { epoch: 'e1' })).toEqual({ head: 1, agreement: one })
      const { agreements } = await commit(other, setting('a', 2))
      expect(Object.fromEntries(agreements)).toEqual({ one, two })
    })

    it('ends every lease', async () => {
      const { back, other } = await start()
      const key = StoreKey.of('a')
      const { lease } = await other.leases.acquire(key, 3_600_000)
      await back.restored()
      const late = other.commit({ reads: [], lease, decide: () => [setting('a', 1)] })
      await expect(late).rejects.toMatchObject({ code: 'LEASE_LOST' })
      expect((await other.leases.acquire(key, 3_600_000)).lease!.token).toBeGreaterThan(lease!.token)
    })

    it('takes its place among what was asked for in the same turn', async () => {
      const { back } = await start()
      const [before, , , after] = await Promise.all([
        commit(back, setting('a', 1)),
        back.agreements.change('redis', 0, { epoch: 'e1' }),
        back.restored(),
        commit(back, setting('a', 2)),
      ])
      expect(before.agreements.size).toBe(0)
      expect(after.agreements.get('redis')).toMatchObject({ epoch: '', term: 2 })
      expect([before.asOf, after.asOf]).toEqual([1, 2])
    })
  })
}
