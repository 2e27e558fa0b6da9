import { ALL_KEYS, type Entry, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { BackUnderTest, StartBack } from './back-suite.ts'
import { scanAll } from './scans.ts'

const HOUR = 3_600_000

export function describeExpiry(start: StartBack): void {
  describe('an entry whose time has come', () => {
    it('exists until then, and to no reader, scan, count or decision from then on', async () => {
      const { back, clock } = await startExpiring(start)
      expect(await valueOf(back, 'short')).toBe(1)
      expect(await back.count(ALL_KEYS)).toBe(2)
      clock.step(2 * HOUR)
      const key = StoreKey.of('short')
      expect(await back.readOne(key)).toMatchObject({ entry: undefined, asOf: 2, until: Infinity })
      expect((await back.read([key]))[0]!.entry).toBeUndefined()
      expect(await scanAll(back, ALL_KEYS, 1, false)).toHaveLength(1)
      expect(await scanAll(back, ALL_KEYS, 1, true)).toHaveLength(1)
      expect(await back.count(ALL_KEYS)).toBe(1)
      let seen: readonly (Entry | undefined)[] = []
      await back.commit({ reads: [key], decide: (current) => ((seen = current), []) })
      expect(seen).toEqual([undefined])
    })

    it('counts as absent for what is written over it, and for a deletion', async () => {
      const { back, clock } = await startExpiring(start)
      clock.step(2 * HOUR)
      expect(await commit(back, deleting('short'))).toMatchObject({ changes: [] })
      expect(await commit(back, setting('short', 2))).toMatchObject({ changes: [{ seq: 3, prevVersion: 0 }] })
      expect(await valueOf(back, 'short')).toBe(2)
      expect(await back.expire(10)).toMatchObject({ changes: [] })
    })

    it('may have had its time behind it from the start', async () => {
      const { back, clock } = await start()
      const past = Math.floor(clock.now()) - HOUR
      const { changes } = await commit(back, setting('a', 1, { expiresAt: past }), setting('a', 2, { expiresAt: past }))
      expect(changes.map(({ prevVersion }) => prevVersion)).toEqual([0, 0])
      expect(await valueOf(back, 'a')).toBeUndefined()
    })

    it('has not come because one writer had a clock ahead, whose date later changes keep', async () => {
      const { back, clock } = await start()
      clock.step(10 * HOUR)
      const ahead = (await commit(back, setting('x', 1))).changes[0]!.at
      clock.step(-10 * HOUR)
      const expiresAt = Math.ceil(clock.now()) + HOUR
      const key = StoreKey.of('session')
      const { changes } = await commit(back, setting('session', 1, { expiresAt }), setting('session', 2, { expiresAt }))
      expect(changes).toMatchObject([
        { seq: 2, prevVersion: 0, at: ahead },
        { seq: 3, prevVersion: 2, at: ahead },
      ])
      expect(await valueOf(back, 'session')).toBe(2)
      expect(await commit(back, setting('session', 3, { expiresAt }))).toMatchObject({ changes: [{ prevVersion: 3 }] })
      let seen: readonly (Entry | undefined)[] = []
      await back.commit({ reads: [key], decide: (current) => ((seen = current), []) })
      expect(seen).toMatchObject([{ version: 4 }])
      expect(await back.expire(10)).toMatchObject({ changes: [] })
      clock.step(2 * HOUR)
      expect(await back.expire(10)).toMatchObject({ changes: [{ op: 'expire', prevVersion: 4, at: ahead }] })
    })

    it('is deleted by expire, as a change of the log, up to the limit', async () => {
      const { back, clock } = await startExpiring(start)
      const expiresAt = Math.ceil(clock.now()) + HOUR
      await commit(back, ...Array.from({ length: 4 }, (_, i) => setting(['e', i], i, { expiresAt, meta: i })))
      expect(await back.expire(10)).toMatchObject({ changes: [], asOf: 6 })
      clock.step(2 * HOUR)
      const seen: unknown[] = []
      back.onCommit((commits) => seen.push(...commits))
      const first = await back.expire(3)
      const second = await back.expire(3)
      expect([first.changes.length, second.changes.length]).toEqual([3, 2])
      expect(seen).toEqual([first, second])
      const changes = [...first.changes, ...second.changes]
      for (const change of changes) {
        expect(change).toMatchObject({ op: 'expire', payload: undefined, meta: undefined, expiresAt: undefined })
      }
      expect(changes.map(({ prevVersion }) => prevVersion).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6])
      expect(first).toMatchObject({ proposal: undefined, tiers: [] })
      expect(changes.map(({ seq, first: from, last }) => [seq, from, last])).toEqual([
        [7, 7, 9],
        [8, 7, 9],
        [9, 7, 9],
        [10, 10, 11],
        [11, 10, 11],
      ])
      expect(await back.expire(3)).toMatchObject({ changes: [] })
      expect(await valueOf(back, 'long')).toBe(1)
    })

    it('is not deleted when it was written again in time, or without an end', async () => {
      const { back, clock } = await startExpiring(start)
      await commit(back, setting('short', 2, { expiresAt: Math.ceil(clock.now()) + 10 * HOUR }))
      await commit(back, setting('other', 1, { expiresAt: Math.ceil(clock.now()) + HOUR }))
      await commit(back, setting('other', 2))
      clock.step(2 * HOUR)
      expect(await back.expire(10)).toMatchObject({ changes: [] })
      expect([await valueOf(back, 'short'), await valueOf(back, 'other')]).toEqual([2, 2])
    })
  })
}

/** `short` (version 2) exists for an hour, `long` (version 1) without an end. */
async function startExpiring(start: StartBack): Promise<BackUnderTest> {
  const test = await start()
  await commit(test.back, setting('long', 1))
  await commit(test.back, setting('short', 1, { expiresAt: Math.ceil(test.clock.now()) + HOUR }))
  return test
}
