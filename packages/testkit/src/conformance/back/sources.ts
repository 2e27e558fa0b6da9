import { type LogChange, StoreKey, type WriteSource } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'

const SOURCE: WriteSource = { log: 'elsewhere', seq: 41, at: 1_700_000_000_000, origin: 'who wrote it' }

export function describeSources(start: StartBacks): void {
  describe('a change that was copied', () => {
    it('says where it was written first, and by whom, wherever it is met', async () => {
      const { back, other } = await start()
      const told: LogChange[] = []
      back.onCommit((commits) => told.push(...commits.flatMap(({ changes }) => changes)))
      const next = { ...SOURCE, seq: 42, origin: 'another' }
      const { changes } = await commit(
        back,
        setting('own', 1),
        { ...setting('a', 1, { meta: 'm', path: ['x'] }), source: SOURCE },
        { ...deleting('a'), source: next },
      )
      await commit(back, { ...setting('b', 1), source: SOURCE })
      const own = [back.origin, undefined]
      const copied = (seq: number, origin: string): unknown => [origin, { log: 'elsewhere', seq, at: SOURCE.at }]
      const expected = [own, copied(41, SOURCE.origin), copied(42, 'another'), copied(41, SOURCE.origin)]
      expect(changes.map(shown)).toEqual(expected.slice(0, 3))
      expect(told.map(shown)).toEqual(expected)
      for (const each of [back, other]) {
        for (const values of [true, false]) {
          expect((await each.log.read({ after: 0, limit: 10, values })).changes.map(shown)).toEqual(expected)
        }
        expect((await each.log.at([1, 2, 3, 4])).map((change) => shown(change!))).toEqual(expected)
        const history = await each.log.changesOf(StoreKey.of('a'), { limit: 10 })
        expect(history.changes.map(shown)).toEqual([expected[2], expected[1]])
      }
    })

    it('is a change like any other for the rest: seq, date, version and what it replaces are those of this store', async () => {
      const { back, clock } = await start()
      const earliest = Math.floor(clock.now())
      await commit(back, setting('a', 1))
      const { changes } = await commit(back, { ...setting('a', 2), source: SOURCE })
      expect(changes).toMatchObject([{ seq: 2, first: 2, last: 2, prevVersion: 1 }])
      expect(changes[0]!.at).toBeGreaterThanOrEqual(earliest)
      expect((await back.readOne(StoreKey.of('a'))).entry).toMatchObject({ version: 2, writtenAt: changes[0]!.at })
      // And what is written over it here is written here.
      expect((await commit(back, setting('a', 3))).changes.map(shown)).toEqual([[back.origin, undefined]])
    })

    it('keeps what it was told, whatever becomes of the object that told it', async () => {
      const { back } = await start()
      const source = { ...SOURCE }
      await commit(back, { ...setting('a', 1), source })
      source.seq = 99
      source.origin = 'changed'
      const { changes } = await back.log.read({ after: 0, limit: 1 })
      expect(changes.map(shown)).toEqual([[SOURCE.origin, { log: 'elsewhere', seq: 41, at: SOURCE.at }]])
    })

    it('that deletes what does not exist is none', async () => {
      const { back } = await start()
      expect((await commit(back, { ...deleting('none'), source: SOURCE })).changes).toEqual([])
      expect(await back.log.head()).toBe(0)
    })
  })
}

function shown({ origin, source }: LogChange): unknown {
  return [origin, source]
}
