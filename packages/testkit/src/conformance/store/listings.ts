import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeListings(start: StartStore): void {
  describe('a listing', () => {
    it('holds exactly what was written, in key order, each entry dated', async () => {
      const { store, clock } = await start()
      await store.setMany(['c', 'a', 'b', 'gone'].map((key) => [key, key.toUpperCase()]))
      await store.delete('gone')
      expect(await Array.fromAsync(store.keys())).toEqual([['a'], ['b'], ['c']])
      const entries = await Array.fromAsync(store.entries<string>())
      expect(entries.map(({ key, value, version }) => [key, value, version])).toEqual([
        [['a'], 'A', 2],
        [['b'], 'B', 3],
        [['c'], 'C', 1],
      ])
      for (const { writtenAt } of entries) expect(writtenAt.getTime()).toBeLessThanOrEqual(clock.now())
    })

    it('keeps to prefix, range, direction and limit', async () => {
      const { store } = await start()
      await store.setMany([
        ['user', 0],
        ['users', 0],
        ...Array.from({ length: 5 }, (_, i) => [['user', i], i] as const),
      ])
      const keys = (options: Parameters<typeof store.keys>[0]): Promise<unknown[]> =>
        Array.fromAsync(store.keys(options))
      expect(await keys({ prefix: ['user'], limit: 3 })).toEqual([['user'], ['user', 0], ['user', 1]])
      expect(await keys({ prefix: 'user', reverse: true, limit: 2 })).toEqual([
        ['user', 4],
        ['user', 3],
      ])
      expect(await keys({ gt: ['user', 3] })).toEqual([['user', 4], ['users']])
      expect(await keys({ gte: ['user', 1], lt: ['user', 3], reverse: true })).toEqual([
        ['user', 2],
        ['user', 1],
      ])
      expect(await keys({ prefix: 'nobody' })).toEqual([])
      expect(await keys({ limit: 0 })).toEqual([])
    })

    it('of more than a page is complete, in either direction', async () => {
      const { store } = await start()
      await store.setMany(Array.from({ length: 1_300 }, (_, i) => [['n', i], i]))
      const values = await Array.fromAsync(store.entries<number>(), ({ value }) => value)
      expect(values).toEqual(Array.from({ length: 1_300 }, (_, i) => i))
      const back = await Array.fromAsync(store.keys({ reverse: true, limit: 1_200 }))
      expect(back).toEqual(Array.from({ length: 1_200 }, (_, i) => ['n', 1_299 - i]))
    })

    it('shows each page as of one moment, and what is there all the while once, whatever is written meanwhile', async () => {
      const { store } = await start()
      const numbers = Array.from({ length: 1_300 }, (_, i) => i)
      await store.setMany(numbers.map((i) => [['n', i], 'old'] as const))
      const seen: string[] = []
      for await (const { key, value } of store.entries<string>()) {
        seen[Number(key[1])] = `${seen[Number(key[1])] ?? ''}${value}`
        if (key[1] !== 0) continue
        // The page is read; those to come are not.
        await store.setMany(numbers.map((i) => [['n', i], 'new'] as const))
        await store.deleteMany([
          ['n', 1],
          ['n', 1_298],
        ])
      }
      expect([seen[1], seen[1_298], seen.length]).toEqual(['old', undefined, 1_300])
      const listed = seen.filter((value) => value !== undefined)
      expect(listed.filter((value, i) => value !== listed[i - 1])).toEqual(['old', 'new'])
      expect(listed).toHaveLength(1_299)
    })

    it('can be left early', async () => {
      const { store } = await start()
      await store.setMany([
        ['a', 1],
        ['b', 1],
      ])
      for await (const key of store.keys()) {
        expect(key).toEqual(['a'])
        break
      }
    })
  })

  describe('clearing', () => {
    it('deletes a prefix, or everything, as logged deletes', async () => {
      const { store, back } = await start()
      await store.setMany([['other', 1], ...Array.from({ length: 700 }, (_, i) => [['n', i], i] as const)])
      expect(await store.clear({ prefix: 'n' })).toEqual({ deleted: 700 })
      expect(await Array.fromAsync(store.keys())).toEqual([['other']])
      expect(await store.get(['n', 0])).toBeUndefined()
      expect(await store.clear()).toEqual({ deleted: 1 })
      expect(await back.log.head()).toBe(701 + 701)
      expect(await store.clear()).toEqual({ deleted: 0 })
    })

    it('spares what is written meanwhile', async () => {
      const { store, back, committed } = await start()
      await store.setMany(Array.from({ length: 700 }, (_, i) => [['n', i], i]))
      await committed()
      let written: Promise<unknown> | undefined
      back.onCommit(() => {
        written ??= store.set(['n', 699], 'new')
      })
      expect(await store.clear()).toEqual({ deleted: 699 })
      await written
      expect(await Array.fromAsync(store.entries(), ({ value }) => value)).toEqual(['new'])
    })
  })
}
