import { ConflictError, type Key } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeConditions(start: StartStore): void {
  describe('a conditional write', () => {
    it('happens at the expected version, and is a conflict that tells the current one at any other', async () => {
      const { store, committed } = await start()
      await store.set('a', 1)
      await committed()
      const one = (await store.entry('a'))!
      const two = await store.set('a', 2, { ifVersion: one.version })
      for (const ifVersion of [0, one.version, two.version + 1]) {
        await expectConflict(store.set('a', 3, { ifVersion }), 'a', two.version)
        await expectConflict(store.delete('a', { ifVersion }), 'a', two.version)
        await expectConflict(
          store.update('a', () => 3, { ifVersion }),
          'a',
          two.version,
        )
        await expectConflict(store.setIn('a', [], 3, { ifVersion }), 'a', two.version)
      }
      expect(await store.entry('a')).toMatchObject({ value: 2, version: two.version })
      expect((await store.delete('a', { ifVersion: two.version })).deleted).toBe(true)
    })

    it('with version 0 happens where the key does not exist, also where it no longer does', async () => {
      const { store, clock } = await start()
      await store.set('a', 1, { ifVersion: 0 })
      await expectConflict(store.set('a', 2, { ifVersion: 0 }), 'a', 1)
      await store.delete('a')
      await store.set('a', 3, { ifVersion: 0, ttlMs: 1000 })
      clock.step(2000)
      await store.set('a', 4, { ifVersion: 0 })
      expect(await store.get('a')).toBe(4)
      await expectConflict(store.delete('b', { ifVersion: 7 }), 'b', 0)
    })

    it('is won by exactly one of many', async () => {
      const { store } = await start()
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => store.set('a', i, { ifVersion: 0 })),
      )
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConflictError)
      }
    })

    it.each([-1, 1.5, Number.NaN, '1'])('refuses %o as a version', async (ifVersion) => {
      const { store } = await start()
      await expect(store.set('a', 1, { ifVersion: ifVersion as number })).rejects.toBeInstanceOf(RangeError)
    })
  })
}

async function expectConflict(write: Promise<unknown>, key: Key, currentVersion: number): Promise<void> {
  const error: unknown = await write.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConflictError)
  expect(error).toMatchObject({ code: 'CONFLICT', currentVersion, key })
}
