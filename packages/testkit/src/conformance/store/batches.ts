import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeBatches(start: StartStore): void {
  describe('a batch', () => {
    it('of gets holds what exists, full, sparse, none or empty', async () => {
      const { store } = await start()
      await store.setMany([
        ['a', 1],
        ['b', null],
      ])
      expect([...(await store.getMany(['a', 'b']))]).toEqual([
        [['a'], 1],
        [['b'], null],
      ])
      expect([...(await store.getMany(['x', 'b', 'y', 'b']))]).toEqual([[['b'], null]])
      expect((await store.getMany(['x'])).size).toBe(0)
      expect((await store.getMany([])).size).toBe(0)
      expect((await store.getMany(['a'])).get(['a'])).toBe(1)
    })

    it('of sets is one commit, in its order, each with its own options', async () => {
      const { store, back, isBehind, committed } = await start()
      const { version } = await store.setMany([
        ['b', 1, { meta: 'first' }],
        ['a', 2],
        [['c', 1], 3, { ttlMs: 1e6 }],
      ])
      expect(version).toBe(isBehind ? 0 : 3)
      await committed()
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes.map(({ key, first, last }) => [key.tuple, first, last])).toEqual([
        [['b'], 1, 3],
        [['a'], 1, 3],
        [['c', 1], 1, 3],
      ])
      expect([(await store.entry('b'))!.meta, (await store.entry('a'))!.meta]).toEqual(['first', undefined])
      expect((await store.entry(['c', 1]))!.expiresAt).toBeInstanceOf(Date)
    })

    it('of sets writes nothing when one of them cannot be written', async () => {
      const { store, back } = await start()
      await expect(
        store.setMany([
          ['a', 1],
          ['b', () => 1],
        ]),
      ).rejects.toMatchObject({ code: 'UNENCODABLE' })
      expect([await store.get('a'), await back.log.head()]).toEqual([undefined, 0])
      expect(await store.setMany([])).toMatchObject({ version: 0 })
    })

    it('of deletes says of each key whether it existed', async () => {
      const { store, back } = await start()
      await store.setMany([
        ['a', 1],
        ['b', 1],
        ['c', 1],
      ])
      const { deleted, version } = await store.deleteMany(['a', 'x', 'c', 'a'])
      expect([...deleted]).toEqual([
        [['a'], true],
        [['x'], false],
        [['c'], true],
      ])
      expect(version).toBe(5)
      expect(await back.log.head()).toBe(5)
      expect([...(await store.deleteMany(['x', 'y'])).deleted.values()]).toEqual([false, false])
      expect((await store.deleteMany([])).deleted.size).toBe(0)
      expect((await store.getMany(['a', 'b', 'c'])).size).toBe(1)
    })

    it('of thousands is still one', async () => {
      const { store } = await start()
      const items = Array.from({ length: 2_500 }, (_, i) => [['n', i], i] as const)
      await store.setMany(items)
      const keys = items.map(([key]) => key)
      expect([...(await store.getMany(keys)).values()]).toEqual(items.map(([, value]) => value))
      expect([...(await store.deleteMany(keys)).deleted.values()].every(Boolean)).toBe(true)
      expect((await store.getMany(keys)).size).toBe(0)
    })
  })

  describe('a transaction', () => {
    it('commits what it wrote, all at once, and returns what its function returned', async () => {
      const { store, back } = await start()
      await store.setMany([
        ['from', 10],
        ['to', 0],
      ])
      const done = await store.transaction(async (tx) => {
        const from = (await tx.get<number>('from'))!
        tx.set('from', from - 3)
        tx.set('to', (await tx.get<number>('to'))! + 3)
        tx.delete('never there')
        return 'moved'
      })
      expect(done).toMatchObject({ value: 'moved', version: 4 })
      expect([await store.get('from'), await store.get('to')]).toEqual([7, 3])
      expect((await back.log.read({ after: 2, limit: 1 })).changes.map(({ first, last }) => [first, last])).toEqual([
        [3, 4],
        [3, 4],
      ])
    })

    it('sees what it wrote itself, and nobody else does before it is committed', async () => {
      const { store } = await start()
      await store.set('b', 1)
      await store.transaction(async (tx) => {
        tx.set('a', { n: 1 })
        tx.delete('b')
        expect([await tx.get('a'), await tx.has('a'), await tx.get('b'), await tx.has('b')]).toEqual([
          { n: 1 },
          true,
          undefined,
          false,
        ])
        expect([await store.get('a'), await store.get('b')]).toEqual([undefined, 1])
      })
      expect([await store.get('a'), await store.get('b')]).toEqual([{ n: 1 }, undefined])
    })

    it('reads versions, of what is committed', async () => {
      const { store } = await start()
      await store.set('a', 1)
      let runs = 0
      await store.transaction(async (tx) => {
        tx.set('a', 5)
        const seen = await tx.entry<number>('a')
        expect(await tx.entry('none')).toBeUndefined()
        if (runs++ === 0) await store.set('a', 10)
        tx.set('seen', [seen!.value, seen!.version])
      })
      // An entry that was read counts as read: the first attempt met a newer version when it was to be committed.
      expect([runs, await store.get('seen'), await store.get('a')]).toEqual([2, [10, 2], 5])
    })

    it('that throws writes nothing', async () => {
      const { store, back } = await start()
      const thrown = new Error('no')
      const failed = store.transaction((tx) => {
        tx.set('a', 1)
        throw thrown
      })
      await expect(failed).rejects.toBe(thrown)
      expect(await back.log.head()).toBe(0)
    })

    it('runs again when what it read has changed meanwhile, and gives up in the end', async () => {
      const { store } = await start()
      await store.set('a', 1)
      let runs = 0
      await store.transaction(async (tx) => {
        const seen = (await tx.get<number>('a'))!
        if (runs++ === 0) await store.set('a', 10)
        tx.set('a', seen + 1)
      })
      expect([runs, await store.get('a')]).toEqual([2, 11])
      const lost = store.transaction(
        async (tx) => {
          tx.set('b', await tx.has('a'))
          await store.update<number>('a', (n) => n! + 1)
        },
        { attempts: 2 },
      )
      await expect(lost).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await store.has('b')).toBe(false)
    })
  })
}
