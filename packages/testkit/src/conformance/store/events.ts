import type { Commit, LogChange } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeEvents(start: StartStore): void {
  describe('events', () => {
    it('are exactly the writes, in order, with their payload; reads and refused writes are none', async () => {
      const { store, back, committed } = await start()
      const commits: Commit[] = []
      const stop = back.onCommit((told) => commits.push(...told))
      await store.set('a', 1, { meta: 'm' })
      await committed()
      await store.update<number>('a', (n) => n! + 1)
      await store.setIn('b', ['n'], 1)
      await store.setMany([
        ['c', 1],
        ['d', 1],
      ])
      await committed()
      await store.deleteMany(['c', 'x'])
      await store.transaction((tx) => tx.set('e', 1))
      await committed()
      await store.delete('a')
      await store.delete('a')
      await store.set('e', 2, { ifVersion: 0 }).catch(() => undefined)
      await store.get('e')
      await store.getMany(['a', 'e'])
      await store.has('nothing')
      stop()
      await store.set('f', 1)
      await committed()
      expect(commits.map(({ changes }) => changes.map(summary))).toEqual([
        [[1, 'set', ['a'], 0, 1, undefined]],
        [[2, 'set', ['a'], 1, 2, undefined]],
        [[3, 'set', ['b'], 0, { n: 1 }, ['n']]],
        [
          [4, 'set', ['c'], 0, 1, undefined],
          [5, 'set', ['d'], 0, 1, undefined],
        ],
        [[6, 'delete', ['c'], 4, undefined, undefined]],
        [[7, 'set', ['e'], 0, 1, undefined]],
        [[8, 'delete', ['a'], 2, undefined, undefined]],
      ])
      expect(commits[0]!.changes[0]!.meta!.decode()).toBe('m')
    })

    it('come before the writer goes on, and a reader who hears of one sees it', async () => {
      const { store, back, committed } = await start()
      const seen: Promise<unknown>[] = []
      back.onCommit((commits) => {
        for (const { changes } of commits) for (const { key } of changes) seen.push(store.get(key.tuple))
      })
      for (let i = 0; i < 10; i++) {
        await store.set('a', i)
        await committed()
        expect(seen).toHaveLength(i + 1)
        expect(await seen[i]).toBe(i)
      }
    })

    it('are what the log holds', async () => {
      const { store, back } = await start()
      const told: LogChange[] = []
      back.onCommit((commits) => told.push(...commits.flatMap(({ changes }) => changes)))
      await Promise.all([
        store.set('a', 1),
        store.setMany([
          ['b', 1],
          ['c', 1],
        ]),
        store.update('a', () => 2),
        store.delete('b'),
      ])
      const { changes } = await back.log.read({ after: 0, limit: 100 })
      expect(told.map(summary)).toEqual(changes.map(summary))
    })
  })
}

function summary({ seq, op, key, prevVersion, payload, path }: LogChange): readonly unknown[] {
  return [seq, op, key.tuple, prevVersion, payload?.decode(), path]
}
