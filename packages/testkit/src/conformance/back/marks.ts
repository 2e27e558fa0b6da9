import { ALL_KEYS, type Back, prefixRange, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting, valueOf } from '../../writes.ts'
import type { StartBacks } from './back-suite.ts'
import { granted, HOUR, LOST } from './leased.ts'
import { allMarks, marking, marksAt } from './marked.ts'

export function describeMarks(start: StartBacks): void {
  describe('marks', () => {
    it('are read as they were written last, here and elsewhere, in the order of the keys', async () => {
      const { back, other } = await start()
      expect(await marksAt(back, 'a')).toEqual([undefined])
      await back.marks.write([marking('a', { seq: 1 }), marking(['b', 1], null), marking('c', 0)])
      await other.marks.write([marking('a', { seq: 2 }), marking('c', undefined), marking('none', undefined)])
      for (const each of [back, other]) {
        expect(await marksAt(each, 'none', ['b', 1], 'c', 'a', 'a')).toEqual([
          undefined,
          null,
          undefined,
          { seq: 2 },
          { seq: 2 },
        ])
      }
      expect(await back.marks.read([])).toEqual([])
    })

    it('written twice at once are what comes last, and calls of one turn count in their order', async () => {
      const { back } = await start()
      await Promise.all([
        back.marks.write([marking('a', 1), marking('a', 2), marking('b', 1), marking('b', undefined)]),
        back.marks.write([marking('c', 1)]),
        back.marks.write([marking('c', undefined), marking('d', 1)]),
        back.marks.write([]),
      ])
      expect(await allMarks(back)).toEqual([
        ['a', 2],
        ['d', 1],
      ])
    })

    it('are written only where they are still what was expected, when that is said', async () => {
      const { back, other } = await start()
      await back.marks.write([marking('a', 1), marking('b', 1), marking('c', 1)])
      const keys = ['a', 'b', 'c', 'none'].map((key) => StoreKey.of(key))
      const [a, b, c] = await other.marks.read(keys)
      await back.marks.write([marking('b', 2), marking('c', undefined)])
      await other.marks.write([
        { ...marking('a', undefined), expected: a },
        { ...marking('b', undefined), expected: b },
        { ...marking('c', 3), expected: c },
        { ...marking('none', 3), expected: a },
      ])
      expect(await allMarks(back)).toEqual([['b', 2]])
      const [, now] = await other.marks.read(keys)
      await other.marks.write([
        { ...marking('b', 3), expected: now },
        { ...marking('b', 4), expected: now },
      ])
      expect(await allMarks(back)).toEqual([['b', 3]])
    })

    it('are listed in key order, within a range, page by page', async () => {
      const { back } = await start()
      const lane = (i: number): readonly [string, number] => ['lane', i]
      await back.marks.write(Array.from({ length: 25 }, (_, i) => marking(lane((i * 7) % 25), i)))
      await back.marks.write([marking('kane', 1), marking('lanes', 1), marking('lane', 'itself')])
      for (const limit of [1, 4, 26, 27, 100]) {
        expect(await paged(back, limit)).toEqual([StoreKey.of('lane').id, ...ids(25, lane)])
      }
      const from = await back.marks.scan(prefixRange('lane'), { after: StoreKey.of(lane(20)), limit: 2 })
      expect(from.map(({ key, value }) => [key.id, value.decode()])).toEqual([
        [StoreKey.of(lane(21)).id, 3],
        [StoreKey.of(lane(22)).id, 21],
      ])
      // A key from outside the range does not widen it.
      const widened = await back.marks.scan(prefixRange('lane'), { after: StoreKey.of('a'), limit: 1 })
      expect(widened.map(({ key }) => key.id)).toEqual([StoreKey.of('lane').id])
      expect(await back.marks.scan(prefixRange('lane'), { after: StoreKey.of('z'), limit: 5 })).toEqual([])
      await expect(back.marks.scan(ALL_KEYS, { after: undefined, limit: 0 })).rejects.toThrow(RangeError)
    })

    it('are neither entries nor changes, and nobody is told of them', async () => {
      const { back } = await start()
      const told: unknown[] = []
      back.onCommit((commits) => told.push(...commits))
      await back.marks.write([marking('k', 'mark')])
      expect([await back.log.head(), await back.count(ALL_KEYS), await valueOf(back, 'k')]).toEqual([0, 0, undefined])
      expect(told).toEqual([])
      await commit(back, setting('k', 'entry'), setting('l', 1))
      expect(await marksAt(back, 'k', 'l')).toEqual(['mark', undefined])
      await back.marks.write([marking('k', undefined), marking('l', 'mark')])
      expect([await valueOf(back, 'k'), await valueOf(back, 'l')]).toEqual(['entry', 1])
      await commit(back, deleting('k'), deleting('l'))
      expect(await allMarks(back)).toEqual([['l', 'mark']])
    })

    it('are written under a lease while that is held, which they leave as it is', async () => {
      const { back, other, clock } = await start()
      const lease = await granted(back, 'k')
      await back.marks.write([marking('k', 1)], { lease })
      await back.marks.write([marking('k', 2)], { lease })
      // Of another key, or of the lease's own: marks are no writes of it.
      await other.marks.write([marking('k', 3), marking('l', 1)])
      expect(await back.leases.renew(lease, HOUR)).toBe(true)
      clock.step(HOUR)
      await expect(back.marks.write([marking('l', 2), marking('m', 1)], { lease })).rejects.toMatchObject(LOST)
      expect((await other.leases.acquire(lease.key, HOUR)).lease!.token).toBeGreaterThan(lease.token)
      await expect(back.marks.write([marking('l', 2)], { lease })).rejects.toMatchObject(LOST)
      await expect(back.marks.write([], { lease })).rejects.toMatchObject(LOST)
      expect(await allMarks(back)).toEqual([
        ['k', 3],
        ['l', 1],
      ])
    })

    it('outlive a restore that is declared', async () => {
      const { back, other } = await start()
      await back.marks.write([marking('a', 1)])
      await other.restored()
      expect(await marksAt(back, 'a')).toEqual([1])
    })
  })
}

function ids(count: number, key: (i: number) => readonly [string, number]): readonly string[] {
  return Array.from({ length: count }, (_, i) => StoreKey.of(key(i)).id)
}

async function paged(back: Back, limit: number): Promise<readonly string[]> {
  const seen: string[] = []
  for (let after: StoreKey | undefined; ;) {
    const page = await back.marks.scan(prefixRange('lane'), { after, limit })
    seen.push(...page.map(({ key }) => key.id))
    if (page.length < limit) return seen
    expect(seen.length).toBeLessThan(100)
    after = page.at(-1)!.key
  }
}
