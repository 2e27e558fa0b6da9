import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeConcurrency(start: StartStore): void {
  describe('concurrently', () => {
    it('updates of one key lose none', async () => {
      const { store } = await start()
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          i % 2 === 0
            ? store.update<{ n: number }>('a', (old) => ({ ...old, n: (old?.n ?? 0) + 1 }))
            : store.updateIn<number>('a', ['n'], (n) => (n ?? 0) + 1),
        ),
      )
      expect(await store.get('a')).toEqual({ n: 100 })
    })

    it('transactions on two keys lose none', async () => {
      const { store } = await start()
      await store.setMany([
        ['a', 50],
        ['b', 50],
      ])
      const move = (from: string, to: string): Promise<unknown> =>
        store.transaction(
          async (tx) => {
            const [left, right] = [await tx.get<number>(from), await tx.get<number>(to)]
            tx.set(from, left! - 1)
            tx.set(to, right! + 1)
          },
          { attempts: 100 },
        )
      await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? move('b', 'a') : move('a', 'b'))))
      expect([await store.get('a'), await store.get('b')]).toEqual([46, 54])
    })

    it('each writer reads its own write, or what replaced it', async () => {
      const { store } = await start()
      await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          const { version } = await store.set(['k', i % 3], i)
          const entry = (await store.entry(['k', i % 3]))!
          expect(entry.version).toBeGreaterThanOrEqual(version)
        }),
      )
    })

    it('nobody reads half of a batch', async () => {
      const { store } = await start()
      const work: Promise<unknown>[] = []
      for (let i = 1; i <= 30; i++) {
        work.push(
          store.setMany([
            ['a', i],
            ['b', i],
          ]),
        )
        work.push(store.transaction(async (tx) => expect(await tx.get('a')).toBe(await tx.get('b')), { attempts: 100 }))
        work.push(store.getMany(['a', 'b']).then((found) => expect(found.get('a')).toBe(found.get('b'))))
        // What the fronts know of the one, and not of the other.
        work.push(store.get(i % 2 === 0 ? 'a' : 'b'))
      }
      await Promise.all(work)
      expect([await store.get('a'), await store.get('b')]).toEqual([30, 30])
    })

    it('200 times deleted and made again is what was made last', async () => {
      const { store } = await start()
      for (let i = 0; i < 200; i++) {
        await Promise.all([store.set('a', i), store.get('a')])
        expect(await store.get('a')).toBe(i)
        await Promise.all([store.delete('a'), store.get('a')])
        expect(await store.get('a')).toBeUndefined()
      }
      await store.set('a', 'last')
      expect(await store.get('a')).toBe('last')
    })
  })
}
