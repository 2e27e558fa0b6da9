import { CompactedError } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, setting, valueOf } from '../../writes.ts'
import { type BackCapabilities, startBack } from './back-suite.ts'

export function describeLittleLog({ openCompacting }: BackCapabilities): void {
  if (openCompacting === undefined) return
  describe('a log that keeps little', () => {
    const start = (max: number): ReturnType<typeof startBack> => startBack((context) => openCompacting(context, max))

    it('drops the oldest commits, whole, and says so to who asks for them', async () => {
      const { back } = await start(5)
      for (const size of [3, 2, 4]) {
        await commit(back, ...Array.from({ length: size }, (_, i) => setting(['n', i], size)))
      }
      const floor = await back.log.floor()
      expect(floor).toBe(5)
      const refused: unknown = await back.log.read({ after: 4, limit: 10 }).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(CompactedError)
      expect(refused).toMatchObject({ code: 'LOG_COMPACTED', floor: 5, head: 9 })
      const { changes } = await back.log.read({ after: 5, limit: 10 })
      expect(changes.map(({ seq }) => seq)).toEqual([6, 7, 8, 9])
      expect(await valueOf(back, ['n', 2])).toBe(4)
    })

    it('keeps the newest commit, however large it is', async () => {
      const { back } = await start(2)
      await commit(back, setting('a', 1))
      await commit(back, ...Array.from({ length: 10 }, (_, i) => setting(['n', i], i)))
      expect(await back.log.floor()).toBe(1)
      expect((await back.log.read({ after: 1, limit: 1 })).changes).toHaveLength(10)
    })

    it('drops what compaction has kept with what replaces it', async () => {
      const { back } = await start(3)
      await commit(back, setting('a', 1))
      await commit(back, setting('b', 1))
      await back.compaction.compact({ upTo: 2, limit: 9, keepLatest: true })
      await commit(back, setting('a', 2))
      for (let i = 0; i < 2; i++) await commit(back, setting('c', i))
      expect((await back.log.at([1, 2, 3])).map((change) => change?.seq)).toEqual([1, 2, 3])
      for (let i = 0; i < 3; i++) await commit(back, setting('c', i))
      expect((await back.log.at([1, 2, 3])).map((change) => change?.seq)).toEqual([undefined, 2, undefined])
    })

    it('goes on counting, and stays dense', async () => {
      const { back } = await start(10)
      for (let i = 1; i <= 100; i++) {
        await commit(back, setting('a', i))
        const [head, floor] = [await back.log.head(), await back.log.floor()]
        expect([head, floor]).toEqual([i, Math.max(0, i - 10)])
        const { changes } = await back.log.read({ after: floor, limit: 100 })
        expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: head - floor }, (_, n) => floor + n + 1))
        expect(changes.at(-1)!.payload!.decode()).toBe(i)
      }
    })
  })
}
