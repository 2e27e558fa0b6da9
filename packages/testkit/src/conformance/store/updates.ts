import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

const HOUR = 3_600_000

export function describeUpdates(start: StartStore): void {
  describe('an update', () => {
    it('tells the old and the new value, and grows the version: 42, 43, 48', async () => {
      const { store } = await start()
      const first = await store.set('a', { n: { value: 42 } })
      const add = (amount: number) => (old: { n: { value: number } } | undefined) => ({
        n: { value: old!.n.value + amount },
      })
      const second = await store.update('a', add(1))
      expect(second).toMatchObject({ old: { n: { value: 42 } }, new: { n: { value: 43 } } })
      const third = await store.update('a', add(5))
      expect(third).toMatchObject({ old: { n: { value: 43 } }, new: { n: { value: 48 } } })
      expect(second.version).toBeGreaterThan(first.version)
      expect(third.version).toBeGreaterThan(second.version)
      expect(await store.get('a')).toEqual({ n: { value: 48 } })
    })

    it('of what is absent gets undefined; returning undefined deletes', async () => {
      const { store } = await start()
      const made = await store.update<number>('a', (old) => (old === undefined ? 1 : -1))
      expect(made).toMatchObject({ old: undefined, new: 1 })
      const gone = await store.update<number>('a', () => undefined)
      expect(gone).toMatchObject({ old: 1, new: undefined })
      expect(await store.has('a')).toBe(false)
      const nothing = await store.update('a', () => undefined)
      expect(nothing).toMatchObject({ old: undefined, new: undefined })
    })

    it('gives its function a copy of its own, once', async () => {
      const { store } = await start()
      await store.set('a', { list: [1], keep: [1] })
      let calls = 0
      const result = await store.update<{ list: number[] }>('a', (old) => {
        calls++
        old!.list.push(2)
        return old
      })
      expect(calls).toBe(1)
      expect(result.old).toEqual({ list: [1], keep: [1] })
      expect(result.new).toEqual({ list: [1, 2], keep: [1] })
      expect(await store.get('a')).toEqual({ list: [1, 2], keep: [1] })
    })

    it('that throws writes nothing, and rejects with what was thrown', async () => {
      const { store, back } = await start()
      await store.set('a', { n: 1 })
      const thrown = new Error('no')
      const failed = store.update<{ n: number }>('a', (old) => {
        old!.n = 2
        throw thrown
      })
      await expect(failed).rejects.toBe(thrown)
      expect(await store.get('a')).toEqual({ n: 1 })
      expect(await back.log.head()).toBe(1)
    })

    it('does not take a function that is not done when it returns', async () => {
      const { store } = await start()
      await store.set('a', 1)
      await expect(store.update('a', async () => 2)).rejects.toBeInstanceOf(TypeError)
      await expect(store.update('a', () => Promise.reject(new Error('late')))).rejects.toBeInstanceOf(TypeError)
      expect(await store.get('a')).toBe(1)
    })

    it('keeps expiry and meta unless it is told otherwise', async () => {
      const { store } = await start()
      await store.set('a', 1, { ttlMs: HOUR, meta: 'm' })
      const { expiresAt } = (await store.entry('a'))!
      await store.update<number>('a', (n) => n! + 1)
      expect(await store.entry('a')).toMatchObject({ value: 2, expiresAt, meta: 'm' })
      await store.update<number>('a', (n) => n! + 1, { ttlMs: 2 * HOUR, meta: 'other' })
      const entry = (await store.entry('a'))!
      expect(entry).toMatchObject({ value: 3, meta: 'other' })
      expect(entry.expiresAt!.getTime()).toBeGreaterThan(expiresAt!.getTime())
    })
  })
}
