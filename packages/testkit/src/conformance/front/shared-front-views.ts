import { StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { change, filling, missing } from '../../writes.ts'
import { HEAD } from './front-suite.ts'
import { startAt, type StartShared } from './shared-front-suite.ts'

export function describeViews(start: StartShared): void {
  describe('looking into it', () => {
    it('tells of a key what stands there, its fence, and where the front stands', async () => {
      const { front, clock } = await start()
      const a = StoreKey.of('a')
      expect(await front.inspect(a)).toEqual({
        record: undefined,
        isDamaged: false,
        fence: HEAD,
        look: await front.look(),
      })
      await front.apply([change(HEAD + 5, 'a', 1)], 'install')
      const { record, ...rest } = await front.inspect(a)
      expect(record).toMatchObject({ kind: 'value', version: HEAD + 5, epoch: front.session!.epoch })
      expect(record!.until).toBeGreaterThan(clock.now())
      expect(rest).toEqual({ isDamaged: false, fence: HEAD + 5, look: await front.look() })
      await front.fill([missing('b', HEAD + 5)])
      expect((await front.inspect(StoreKey.of('b'))).record).toMatchObject({ kind: 'absent', version: HEAD + 5 })
    })

    it('lists the records of its epoch, page by page', async () => {
      const { front } = await start()
      await front.fill([filling('former', 1, HEAD, HEAD)])
      await startAt(front, HEAD)
      const changes = Array.from({ length: 150 }, (_, i) => change(HEAD + 1 + i, ['ключ', i], i))
      await front.apply(changes, 'install')
      await front.fill([missing('none', HEAD + 150)])
      const held = new Map<string, readonly [number, string]>()
      let cursor: string | undefined
      let pages = 0
      do {
        const page = await front.records(cursor, 40)
        for (const { id, version, kind } of page.records) held.set(id, [version, kind])
        cursor = page.cursor
        pages++
      } while (cursor !== undefined)
      const expected = changes.map(({ key, seq }): [string, readonly [number, string]] => [key.id, [seq, 'value']])
      expect(held).toEqual(new Map([...expected, [StoreKey.of('none').id, [HEAD + 150, 'absent']]]))
      expect(pages).toBeGreaterThan(1)
    })

    it('lets go of what it is told to, of any version, and still refuses what is older than its fence', async () => {
      const { front } = await start()
      const [a, b] = [StoreKey.of('a'), StoreKey.of('b')]
      await front.apply([change(HEAD + 5, 'a', 1), change(HEAD + 6, 'b', 1)], 'install')
      await front.discard([a, StoreKey.of('none')])
      await front.discard([])
      expect((await front.read([a, b], front.session!)).map((found) => found?.entry?.version)).toEqual([
        undefined,
        HEAD + 6,
      ])
      expect(await front.inspect(a)).toMatchObject({ record: undefined, fence: HEAD + 5 })
      expect(await front.fill([filling('a', HEAD, HEAD, HEAD + 4)])).toEqual(['fenced'])
      expect(await front.fill([filling('a', HEAD + 5, HEAD + 5, HEAD + 5)])).toEqual(['installed'])
    })

    it('lists nothing without an epoch', async () => {
      const { front, server } = await start()
      await front.fill([filling('a', 1, HEAD, HEAD)])
      await server.loseMeta()
      await front.look()
      expect(await front.records(undefined, 10)).toEqual({ records: [], damaged: [], cursor: undefined })
    })
  })
}
